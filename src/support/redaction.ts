/**
 * Takes secrets out of texts that are to leave the house. Two nets, either of which would do for what is known: the
 * values that are secrets here, wherever they stand; and whatever stands where secrets stand (a URL's user and query, an
 * Authorization header, a private key, a field with such a name).
 */
import { hidden, secretNames } from '../bmc/changes.ts';

/** Shorter ones are words of any text; what they are good for is guessed faster than found here. */
const leastLength = 4;

const places: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, hidden],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>@]*@/gi, `$1${hidden}@`],
  [/([a-z][a-z0-9+.-]*:\/\/[^\s?#"'<>]*)\?[^\s#"'<>]*/gi, `$1?${hidden}`],
  [/\b(authorization|x-auth-token|cookie)(["']?\s*[:=]\s*["']?)[^"'\r\n]+/gi, `$1$2${hidden}`],
  [
    /\b(password|passwd|passphrase|secret|token|community)(["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;"'}]+)/gi,
    `$1$2${hidden}`,
  ],
];

export class Redaction {
  readonly #values: readonly string[];

  /** @param values secrets as they are typed */
  constructor(values: Iterable<string>) {
    const forms = [...values].flatMap((value) => {
      const bytes = Buffer.from(value, 'utf8');
      return [
        value,
        JSON.stringify(value).slice(1, -1),
        encodeURIComponent(value),
        bytes.toString('hex'),
        bytes.toString('base64'),
      ];
    });
    // Longer ones first, as one may be part of another.
    this.#values = [...new Set(forms)]
      .filter((value) => value.length >= leastLength)
      .sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    const without = this.#values.reduce((rest, value) => rest.replaceAll(value, hidden), text);
    return places.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), without);
  }
}

/**
 * All texts below fields that are named as secrets are; hexadecimal digits also as the text that they stand for; of a
 * private key each line.
 */
export function secretsIn(value: unknown, isSecret = false): string[] {
  if (typeof value === 'string') {
    if (/PRIVATE KEY-----/.test(value)) return value.split('\n').filter((line) => !line.startsWith('-----'));
    if (!isSecret || value === '') return [];
    const isHex = /^([0-9a-f]{2})+$/i.test(value);
    return isHex ? [value, Buffer.from(value, 'hex').toString('utf8')] : [value];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) =>
    secretsIn(child, isSecret || secretNames.test(name)),
  );
}
