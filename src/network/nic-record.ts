/** What is kept of the machine's cards while they exist, so that a later life of ours can look after them or remove them. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Attachment } from './attachment.ts';
import type { WireBefore } from './wire.ts';

export interface CardRecord {
  /** `nicN`, where N is the card's place. */
  readonly id: string;
  readonly mac: string;
  readonly mtu?: number;
  readonly queues: number;
  /** `none`: the card was asked for and the machine has to do without. */
  readonly backend: string;
  readonly wire?: string;
  /** The link that the card is attached to; absent while its wire is gone. */
  readonly linkIndex?: number;
  readonly attachment?: Attachment;
  readonly linkUp: boolean;
  /** A wire came back that QEMU can take only when it starts anew. */
  readonly needsPowerCycle?: boolean;
  readonly note?: string;
}

export interface NicRecord {
  readonly cards: readonly CardRecord[];
  readonly wires: readonly WireBefore[];
}

const empty: NicRecord = { cards: [], wires: [] };

/** @returns an empty record when there is none */
export function readNicRecord(file: string): NicRecord {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as NicRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return empty;
    throw error;
  }
}

export function writeNicRecord(file: string, record: NicRecord): void {
  if (record.cards.length === 0 && record.wires.length === 0) {
    rmSync(file, { force: true });
    return;
  }
  writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
