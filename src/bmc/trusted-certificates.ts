/** Certificates of servers and authorities that somebody has chosen to trust, in PEM form, each by a number of its own. */

import { Emitter } from '../lib/emitter.ts';
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Store } from './store.ts';

export interface TrustedCertificate {
  /** Never used twice. */
  readonly id: number;
  readonly pem: string;
}

export interface CertificateList {
  readonly certificates: readonly TrustedCertificate[];
  readonly nextCertificateId: number;
}

export const noCertificates: CertificateList = { certificates: [], nextCertificateId: 1 };
const maxCertificates = 16;

/** @param pem one certificate, checked by the caller @throws {BmcError} `no-space` when there are too many */
export function withCertificate<T extends CertificateList>(list: T, pem: string): T {
  const { certificates, nextCertificateId: id } = list;
  if (certificates.length >= maxCertificates) {
    throw new BmcError('no-space', `no more than ${maxCertificates} certificates`);
  }
  return { ...list, certificates: [...certificates, { id, pem }], nextCertificateId: id + 1 };
}

export function withoutCertificate<T extends CertificateList>(list: T, id: number): T {
  return { ...list, certificates: list.certificates.filter((each) => each.id !== id) };
}

/** Whom the machine's firmware believes when it boots over HTTPS: these alone, or without any the public authorities. */
export class BootCertificates {
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #changed = new Emitter<void>();
  #list: CertificateList;

  constructor({ store, events }: { readonly store: Store; readonly events: EventLog }) {
    this.#store = store;
    this.#events = events;
    this.#list = store.load<CertificateList>(storeName) ?? noCertificates;
  }

  get all(): readonly TrustedCertificate[] {
    return this.#list.certificates;
  }

  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** As {@link withCertificate}, and when the change cannot be kept; nothing has changed then. */
  add(pem: string, actor: Actor): TrustedCertificate {
    const added = { id: this.#list.nextCertificateId, pem };
    this.#change(withCertificate(this.#list, pem), actor, undefined, added.id);
    return added;
  }

  remove(id: number, actor: Actor): void {
    this.#change(withoutCertificate(this.#list, id), actor, id, undefined);
  }

  resetToDefaults(actor: Actor): void {
    for (const { id } of this.all) this.remove(id, actor);
  }

  #change(list: CertificateList, actor: Actor, before: number | undefined, after: number | undefined): void {
    this.#store.save(storeName, list);
    this.#list = list;
    this.#events.changed(actor, 'certificate trusted at HTTPS boot', before, after);
    this.#changed.emit();
  }
}

const storeName = 'boot-certificates';
