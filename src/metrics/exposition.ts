/** Prometheus' text format, version 0.0.4: how metrics are written down. */

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string | number>>;
}

export interface MetricFamily {
  /** `[a-zA-Z_:][a-zA-Z0-9_:]*`, ended by its unit, and by `_total` for a counter. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  /** One line for people. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** @returns the text, ended by a newline; a family without a sample says what it is all the same */
export function exposition(families: readonly MetricFamily[]): string {
  return families
    .map(({ name, type, help, samples }) =>
      [
        `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`,
        `# TYPE ${name} ${type}\n`,
        ...samples.map(({ value, labels = {} }) => `${name}${labelsText(labels)} ${valueText(value)}\n`),
      ].join(''),
    )
    .join('');
}

function labelsText(labels: NonNullable<Sample['labels']>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function valueText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
