/** The uploads of this tab, one for each drive. They go on when the user looks at another page. */
import { useSyncExternalStore } from 'react';
import { client } from '../../api/session.ts';
import type { SlotId } from './schema.ts';
import { Upload, type UploadPort, type UploadState } from './upload.ts';

interface Shown {
  readonly name: string;
  readonly state: UploadState;
}

const listeners = new Set<() => void>();
const running = new Map<SlotId, Upload>();
let shown: Readonly<Partial<Record<SlotId, Shown>>> = {};

function show(next: typeof shown): void {
  shown = next;
  for (const listener of listeners) listener();
}

interface Begun {
  readonly file: File;
  readonly writeProtected: boolean;
  /** Where UploadMedia and EjectMedia are. */
  readonly uploadUri: string;
  readonly ejectUri: string;
  done(): void;
}

/** Begins an upload in place of the one that this drive had. */
export function beginUpload(slot: SlotId, { file, done, ...where }: Begun): void {
  const upload = new Upload({
    file,
    port: portOf(file.name, where),
    now: () => performance.now(),
    changed(state) {
      if (running.get(slot) !== upload) return;
      if (state.phase === 'done' || state.phase === 'cancelled') {
        forgetUpload(slot);
        if (state.phase === 'done') done();
      } else show({ ...shown, [slot]: { name: file.name, state } });
    },
  });
  running.set(slot, upload);
  void upload.start();
}

/** The appliance forgets the parts by itself after a while. */
export function forgetUpload(slot: SlotId): void {
  running.delete(slot);
  const { [slot]: _, ...rest } = shown;
  show(rest);
}

function portOf(
  name: string,
  { uploadUri, ejectUri, writeProtected }: Omit<Begun, 'file' | 'done'>,
): UploadPort {
  const query = new URLSearchParams({ filename: name, writeProtected: String(writeProtected) });
  return {
    async progress() {
      const { body } = await client.get<{ ReceivedBytes: number; TotalBytes: number | null }>(uploadUri);
      return { received: body.ReceivedBytes, total: body.TotalBytes ?? undefined };
    },
    async send({ from, to, total, bytes, signal }) {
      const headers = {
        'content-type': 'application/octet-stream',
        // An empty file has no first byte that a range could name.
        ...(total > 0 && { 'content-range': `bytes ${from}-${to - 1}/${total}` }),
      };
      await client.open('POST', `${uploadUri}?${query}`, { headers, body: bytes, signal });
    },
    async discard() {
      await client.post(ejectUri);
    },
  };
}

/** Undefined where this tab sends nothing. */
export function useUpload(slot: SlotId): (Shown & { readonly upload: Upload }) | undefined {
  const all = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
  );
  const upload = running.get(slot);
  const one = all[slot];
  return upload && one && { ...one, upload };
}

// What a closed tab has not sent is not sent.
window.addEventListener('beforeunload', (event) => {
  if (Object.values(shown).some(({ state }) => state.phase === 'sending')) event.preventDefault();
});
