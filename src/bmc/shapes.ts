/** Checks of plain data that came from outside: what it must be, and where it is not. */
import { BmcError } from './errors.ts';

/** @param at where the value is: `settings.lan.access` @throws {BmcError} `bad-argument` naming the place */
export type Shape<T> = (value: unknown, at: string) => T;
type Shaped<S> = S extends Shape<infer T> ? T : never;

function wrong(at: string, expected: string, value: unknown): BmcError {
  const shown = JSON.stringify(value) ?? 'nothing';
  return new BmcError(
    'bad-argument',
    `${at}: ${expected}, not ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}`,
  );
}

export const boolean: Shape<boolean> = (value, at) => {
  if (typeof value === 'boolean') return value;
  throw wrong(at, 'true or false', value);
};

export function whole(least: number, most: number): Shape<number> {
  return (value, at) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw wrong(at, `a whole number from ${least} to ${most}`, value);
  };
}

export const number: Shape<number> = (value, at) => {
  if (typeof value === 'number') return value;
  throw wrong(at, 'a number', value);
};

export function text(maxBytes: number): Shape<string> {
  return (value, at) => {
    if (typeof value === 'string' && Buffer.byteLength(value) <= maxBytes) return value;
    throw wrong(at, `a text of at most ${maxBytes} bytes`, value);
  };
}

export function oneOf<const T extends string>(values: readonly T[]): Shape<T> {
  return (value, at) => {
    const found = values.find((each) => each === value);
    if (found !== undefined) return found;
    throw wrong(at, `one of ${values.join(', ')}`, value);
  };
}

/** @param length exactly so many, where it is given */
export function list<T>(item: Shape<T>, length?: number): Shape<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw wrong(at, 'a list', value);
    if (length !== undefined && value.length !== length) {
      throw new BmcError('bad-argument', `${at}: a list of ${length}, not of ${value.length}`);
    }
    return value.map((each: unknown, index) => item(each, `${at}.${index}`));
  };
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, at) => (value === null ? null : shape(value, at));
}

/** Names that are anybody's, all of one shape. */
export function map<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, at) =>
    Object.fromEntries(
      Object.entries(members(value, at)).map(([name, each]) => [name, shape(each, `${at}.${name}`)]),
    );
}

/** Exactly these members. @param later what documents of earlier versions do not have, and what that means */
export function record<S extends Readonly<Record<string, Shape<unknown>>>>(
  shapes: S,
  later: { readonly [K in keyof S]?: Shaped<S[K]> } = {},
): Shape<{ readonly [K in keyof S]: Shaped<S[K]> }> {
  return (value, at) => {
    const given = { ...later, ...some(shapes)(value, at) };
    for (const name of Object.keys(shapes)) {
      if (!Object.hasOwn(given, name)) throw new BmcError('bad-argument', `${at}.${name}: is missing`);
    }
    return given as { readonly [K in keyof S]: Shaped<S[K]> };
  };
}

/** Some of these members, and no others. */
export function some<S extends Readonly<Record<string, Shape<unknown>>>>(
  shapes: S,
): Shape<{ readonly [K in keyof S]?: Shaped<S[K]> }> {
  return (value, at) => {
    const result: Record<string, unknown> = {};
    for (const [name, each] of Object.entries(members(value, at))) {
      const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
      if (!shape) throw new BmcError('bad-argument', `${at}.${name}: there is no such setting`);
      result[name] = shape(each, `${at}.${name}`);
    }
    return result as { readonly [K in keyof S]?: Shaped<S[K]> };
  };
}

function members(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(at, 'an object', value);
  return value as Readonly<Record<string, unknown>>;
}
