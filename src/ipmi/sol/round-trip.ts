/**
 * How long to wait for an acknowledgement before sending again: four times the smoothed round trip, between
 * 5 ms and a ceiling. Pure.
 */

const firstMs = 100;
const floorMs = 5;
/** So many tries go out at an even pace; the link may just be lossy. Then the pace slows: it may be slow. */
const evenTries = 8;
const slowDown = 1.3;

export class RoundTrip {
  #smoothedMs: number | undefined;
  #factor = 1;

  /** A packet was acknowledged `ms` after it was sent. Tell only of packets that were sent once. */
  sample(ms: number): void {
    this.#factor = 1;
    this.#smoothedMs = this.#smoothedMs === undefined ? ms : this.#smoothedMs + (ms - this.#smoothedMs) / 8;
  }

  /** A packet was sent for the `tries`-th time without an answer. The slower pace stays until a sample comes. */
  unanswered(tries: number): void {
    if (tries >= evenTries) this.#factor *= slowDown;
  }

  /** @param ceilingMs from the settings' retry interval; below the floor it does not count */
  timeoutMs(ceilingMs: number): number {
    const wanted = this.#smoothedMs === undefined ? firstMs : Math.max(floorMs, 4 * this.#smoothedMs);
    const timeout = Math.min(wanted * this.#factor, Math.max(ceilingMs, floorMs));
    this.#factor = Math.max(1, Math.min(this.#factor, timeout / wanted));
    return timeout;
  }
}
