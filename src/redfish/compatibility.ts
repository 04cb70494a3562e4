/**
 * Values that real clients send although no schema has them, and what they mean by them. Taken in profile `lab`, refused
 * in profile `strict`; `redfish.compatibility` decides otherwise. Read back is always the proper value.
 *
 * One more habit has no values: JSON without a Content-Type, or with that of forms, which curl and scripts around it
 * send. It is taken under the same setting (`service.ts`).
 */
import { isObject, type JsonObject } from './json.ts';

export interface OddValue {
  /** Path of the definition whose properties these are, or name of the action whose parameters they are. */
  readonly subject: string;
  /** From the top of the body to the property. */
  readonly property: readonly string[];
  readonly sent: string;
  readonly meant: string;
  /** Who sends it. */
  readonly client: string;
}

const system = '/redfish/v1/Systems/:systemId';
const chassis = '/redfish/v1/Chassis/:chassisId';
const foreman = 'Foreman smart proxy';

export const oddValues: readonly OddValue[] = [
  {
    subject: system,
    property: ['Boot', 'BootSourceOverrideEnabled'],
    sent: 'Enabled',
    meant: 'Continuous',
    client: foreman,
  },
  { subject: system, property: ['IndicatorLED'], sent: 'On', meant: 'Lit', client: foreman },
  { subject: chassis, property: ['IndicatorLED'], sent: 'On', meant: 'Lit', client: foreman },
  {
    subject: '#Manager.Reset',
    property: ['ResetType'],
    sent: 'Reset',
    meant: 'ForceRestart',
    client: foreman,
  },
];

/** @returns the body with the proper values in place of odd ones */
export function usualValues(subject: string, body: JsonObject): JsonObject {
  return oddValues
    .filter((odd) => odd.subject === subject)
    .reduce((usual, { property, sent, meant }) => replaced(usual, property, sent, meant), body);
}

function replaced(body: JsonObject, path: readonly string[], sent: string, meant: string): JsonObject {
  const [name, ...deeper] = path;
  if (name === undefined || !Object.hasOwn(body, name)) return body;
  const value = body[name];
  if (deeper.length > 0) {
    return isObject(value) ? { ...body, [name]: replaced(value, deeper, sent, meant) } : body;
  }
  return value === sent ? { ...body, [name]: meant } : body;
}
