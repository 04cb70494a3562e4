import { describe, expect, it } from 'vitest';
import {
  partBytes,
  Upload,
  type UploadPart,
  type UploadPort,
  type UploadState,
} from '../../../../src/web/pages/media-boot/upload.ts';

/** An appliance that takes parts as the real one does: only the next byte is taken. */
class ScriptedAppliance implements UploadPort {
  received = new Uint8Array();
  total: number | undefined;
  discarded = 0;
  /** Parts that arrive before the line breaks once. */
  breakAfter = Number.POSITIVE_INFINITY;
  /** Asked before each part is taken. */
  before: () => void = () => undefined;

  async progress() {
    return { received: this.received.length, total: this.total };
  }

  async send({ from, to, total, bytes, signal }: UploadPart) {
    this.before();
    signal.throwIfAborted();
    if (from !== this.received.length) throw new Error(`byte ${this.received.length} is wanted, not ${from}`);
    if (this.breakAfter-- <= 0) {
      this.breakAfter = Number.POSITIVE_INFINITY;
      throw new Error('the line broke');
    }
    const all = new Uint8Array(to);
    all.set(this.received);
    all.set(new Uint8Array(await bytes.arrayBuffer()), from);
    this.received = all;
    this.total = total;
  }

  async discard() {
    this.discarded += 1;
  }
}

function bench(size: number) {
  const content = new Uint8Array(size);
  // Each part is unlike the others.
  for (let index = 0; index < size; index += 97) content[index] = (index >> 12) % 251;
  const appliance = new ScriptedAppliance();
  const states: UploadState[] = [];
  let time = 0;
  const upload = new Upload({
    file: new Blob([content]),
    port: appliance,
    changed: (state) => states.push(state),
    now: () => {
      time += 1000;
      return time;
    },
  });
  return { upload, appliance, states, content };
}

const size = partBytes * 2 + 1234;

describe('upload', () => {
  it('sends every byte in parts, and says how far it is and how fast', async () => {
    const { upload, appliance, states, content } = bench(size);
    await upload.start();
    expect(Buffer.from(appliance.received).equals(Buffer.from(content))).toBe(true);
    expect(upload.state).toMatchObject({ phase: 'done', sent: size, total: size });
    expect(states.map(({ sent }) => sent)).toEqual([0, 0, partBytes, 2 * partBytes, size, size]);
    expect(states[2]?.bytesPerS).toBeGreaterThan(0);
  });

  it('sends nothing while it is paused, and goes on from what has come', async () => {
    const { upload, appliance, content } = bench(size);
    let parts = 0;
    appliance.before = () => {
      parts += 1;
      if (parts === 2) upload.pause();
    };
    await upload.start();
    expect(upload.state).toMatchObject({ phase: 'paused', sent: partBytes });
    expect(appliance.received.length).toBe(partBytes);
    await upload.start();
    expect(Buffer.from(appliance.received).equals(Buffer.from(content))).toBe(true);
    expect(upload.state.phase).toBe('done');
  });

  it('says why the line broke, and can go on', async () => {
    const { upload, appliance, content } = bench(size);
    appliance.breakAfter = 1;
    await upload.start();
    expect(upload.state).toMatchObject({ phase: 'broken', sent: partBytes });
    expect(upload.state.error?.message).toBe('the line broke');
    await upload.start();
    expect(upload.state.error).toBeUndefined();
    expect(Buffer.from(appliance.received).equals(Buffer.from(content))).toBe(true);
  });

  it('goes on after a reload of the page with what the appliance has of an image of this size', async () => {
    const { upload, appliance, content, states } = bench(size);
    appliance.received = content.slice(0, 1000);
    appliance.total = size;
    await upload.start();
    expect(states[1]?.sent).toBe(1000);
    expect(Buffer.from(appliance.received).equals(Buffer.from(content))).toBe(true);
  });

  it('lets the appliance refuse when another image is under way', async () => {
    const { upload, appliance } = bench(size);
    appliance.received = new Uint8Array(1000);
    appliance.total = size + 1;
    await upload.start();
    expect(upload.state).toMatchObject({ phase: 'broken', sent: 0 });
  });

  it('throws away what has come when it is cancelled', async () => {
    const { upload, appliance } = bench(size);
    let cancelled: Promise<void> | undefined;
    appliance.before = () => {
      cancelled ??= upload.cancel();
    };
    await upload.start();
    await cancelled;
    expect(upload.state.phase).toBe('cancelled');
    expect(appliance.discarded).toBe(1);
    await upload.start();
    expect(appliance.received.length).toBe(0);
  });

  it('sends an empty file as one part, for the appliance to refuse', async () => {
    const { upload, appliance } = bench(0);
    await upload.start();
    expect(appliance.total).toBe(0);
  });
});
