/**
 * `$filter`: a condition on the members of a collection. DSP0266 §7.3.4.
 *
 *   or ─▶ and ─▶ not ─▶ comparison | ( or )
 */
import { RedfishError } from './errors.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { inWords, message } from './messages.ts';

export type Filter = (member: JsonObject) => boolean;
type Operand = (member: JsonObject) => Json | undefined;

const tokens = /\s*(?:(\()|(\))|('(?:[^']|'')*')|(-?\d+(?:\.\d+)?(?![\w/]))|([A-Za-z@][\w@./]*))/y;
const maxLength = 2048;
const maxDepth = 16;

/**
 * A property that a member does not have is null, and equal to nothing else: the members of a collection need not have
 * the same properties. So no name is refused, nor a literal of another type than the property's; DSP0266 asks for that
 * with a condition that breaks the syntax alone, and OpenBMC takes them too.
 * @param properties the only ones that there can be; any unless given
 * @throws {RedfishError} 400 for what is no condition, or one on another property
 */
export function parseFilter(text: string, properties?: readonly string[]): Filter {
  const bad = () => new RedfishError(message('QueryParameterValueFormatError', text.slice(0, 64), '$filter'));
  if (text.length > maxLength) throw bad();
  const words = tokenize(text);
  if (!words) throw bad();
  let at = 0;
  let depth = 0;

  const filter = or();
  if (at !== words.length) throw bad();
  return filter;

  function or(): Filter {
    const all = [and()];
    while (take('or')) all.push(and());
    return (member) => all.some((each) => each(member));
  }

  function and(): Filter {
    const all = [not()];
    while (take('and')) all.push(not());
    return (member) => all.every((each) => each(member));
  }

  function not(): Filter {
    depth += 1;
    if (depth > maxDepth) throw bad();
    try {
      if (take('not')) {
        const inner = not();
        return (member) => !inner(member);
      }
      if (take('(')) {
        const inner = or();
        if (!take(')')) throw bad();
        return inner;
      }
      return comparison();
    } finally {
      depth -= 1;
    }
  }

  function comparison(): Filter {
    const left = operand();
    const operator = words?.[at++];
    const right = operand();
    if (operator === undefined || !Object.hasOwn(comparisons, operator)) throw bad();
    const compare = comparisons[operator as keyof typeof comparisons];
    return (member) => compare(left(member), right(member));
  }

  function operand(): Operand {
    const word = words?.[at++];
    if (word === undefined || word === '(' || word === ')') throw bad();
    if (word.startsWith("'")) {
      const literal = word.slice(1, -1).replaceAll("''", "'");
      return () => literal;
    }
    if (/^-?\d/.test(word)) return () => Number(word);
    if (word === 'true' || word === 'false') return () => word === 'true';
    if (word === 'null') return () => null;
    if (properties && !properties.includes(word)) {
      const said = `There is nothing called ${word.slice(0, 64)} to filter by, only ${properties.join(', ')}.`;
      throw new RedfishError(inWords(said, message('QueryParameterValueFormatError', word, '$filter')));
    }
    const path = word.split('/');
    return (member) => path.reduce<Json | undefined>(step, member);
  }

  function take(word: string): boolean {
    if (words?.[at] !== word) return false;
    at += 1;
    return true;
  }
}

function tokenize(text: string): string[] | undefined {
  const words: string[] = [];
  tokens.lastIndex = 0;
  while (tokens.lastIndex < text.trimEnd().length) {
    const match = tokens.exec(text);
    if (!match) return undefined;
    words.push(match[0].trim());
  }
  return words;
}

function step(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

type Compare = (a: Json | undefined, b: Json | undefined) => boolean;

const comparisons = {
  eq: (a, b) => (a ?? null) === (b ?? null),
  ne: (a, b) => (a ?? null) !== (b ?? null),
  gt: (a, b) => ordered(a, b, (order) => order > 0),
  ge: (a, b) => ordered(a, b, (order) => order >= 0),
  lt: (a, b) => ordered(a, b, (order) => order < 0),
  le: (a, b) => ordered(a, b, (order) => order <= 0),
} as const satisfies Record<string, Compare>;

function ordered(a: Json | undefined, b: Json | undefined, test: (order: number) => boolean): boolean {
  if (typeof a === 'number' && typeof b === 'number') return test(a - b);
  if (typeof a !== 'string' || typeof b !== 'string') return false;
  // Times are text in Redfish; with equal offsets they sort as text, with others they do not.
  const [timeA, timeB] = [a, b].map((text) =>
    /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN,
  );
  if (timeA !== undefined && timeB !== undefined && !Number.isNaN(timeA) && !Number.isNaN(timeB)) {
    return test(timeA - timeB);
  }
  return test(a < b ? -1 : a > b ? 1 : 0);
}
