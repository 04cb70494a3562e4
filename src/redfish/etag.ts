/** Strong entity tags: equal bodies, equal tags, and the other way round. DSP0266 §6.6. */
import { hash } from 'node:crypto';
import type { JsonObject } from './json.ts';

/** @param volatile top-level properties that change by themselves, and do not count */
export function etagOf(body: JsonObject, volatile: readonly string[]): string {
  const counted =
    volatile.length === 0
      ? body
      : Object.fromEntries(Object.entries(body).filter(([name]) => !volatile.includes(name)));
  return `"${hash('sha256', JSON.stringify(counted), 'base64url').slice(0, 22)}"`;
}

/** If-Match: whether one of these is the tag. Weak tags never match. RFC 9110 §13.1.1. */
export function matches(header: string, etag: string): boolean {
  return header.trim() === '*' || tagsOf(header).includes(etag);
}

/** If-None-Match: whether the client has this body already. The weak comparison. RFC 9110 §13.1.2. */
export function fresh(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return (
    header.trim() === '*' ||
    tagsOf(header)
      .map((tag) => tag.replace(/^W\//, ''))
      .includes(etag)
  );
}

/** @returns none for a header that is no list of tags: it cannot name what the client has seen */
function tagsOf(header: string): string[] {
  const tag = /(?:W\/)?"[^"]*"/;
  const list = new RegExp(`^\\s*${tag.source}(?:\\s*,\\s*${tag.source})*\\s*$`);
  return list.test(header) ? (header.match(new RegExp(tag, 'g')) ?? []) : [];
}
