/** How a card of the machine is attached to a wire: what the three back ends have in common. */
import type { WireBackend } from './card-plan.ts';
import type { Link } from './links.ts';

/** What one card asks of a back end. */
export interface CardRequest {
  /** Name of the wire, also of one that is not there. */
  readonly wire: string;
  readonly mac: string;
  readonly mtu: number;
  readonly queues: number;
  /** The appliance's directory: marks what is made. */
  readonly owner: string;
}

/** What was made. Plain data: it is kept in a file, for a later life of ours. */
export interface Attachment {
  readonly backend: WireBackend;
  readonly wire: string;
  /** The macvtap or tap device. */
  readonly device: string;
  /** Device node of a macvtap, which QEMU's launcher opens once for each queue. */
  readonly node?: string;
  /** The MAC address that the guest's frames are expected from. */
  readonly mac: string;
}

export interface Backend {
  readonly kind: WireBackend;
  /**
   * Makes what QEMU is to be attached to; removes it again when it fails.
   * @param link the wire; undefined attaches to no wire yet, which only some back ends can
   * @param links all links there are
   * @throws {NetworkError}
   */
  attach(card: CardRequest, link: Link | undefined, links: readonly Link[]): Promise<Attachment>;
  /** Attaches a wire that came back to what QEMU still holds; absent where QEMU would have to open something anew. */
  readonly stitch?: (attachment: Attachment, link: Link) => Promise<void>;
  /** Removes what was made. The wire itself may have gone. @throws {NetworkError} */
  detach(attachment: Attachment): Promise<void>;
}
