/** JSON values as Redfish bodies hold them. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** A property that is undefined is left out of the body. */
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
