/** Headers of answers that rest on the definition alone. DSP0266 §6.5, §8.2. */
import type { Action, Resource } from './definition.ts';
import { isAllowed } from './privileges.ts';

export const commonHeaders: Readonly<Record<string, string>> = {
  'odata-version': '4.0',
  'cache-control': 'no-store',
};
export const jsonType = 'application/json; charset=utf-8';

export function allowOf(definition: Resource, action: Action | undefined): string {
  if (action) return 'POST';
  const all = ['GET', 'HEAD'];
  if (isAllowed(definition, undefined, 'post')) all.push('POST');
  if (isAllowed(definition, undefined, 'patch')) all.push('PATCH');
  if (isAllowed(definition, undefined, 'delete')) all.push('DELETE');
  return all.join(', ');
}

export function linkOf({ type }: Resource): string {
  const schema = type?.replace(/^#/, '').replace(/\.[^.]+$/, '');
  return `</redfish/v1/JsonSchemas/${schema}>; rel=describedby`;
}
