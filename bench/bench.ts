/** What a benchmark is, and how its outcome is shown and kept. */
import type { Figures } from './rounds.ts';

export interface BenchOptions {
  readonly rounds: number;
  /** Of one contender in one round. */
  readonly seconds: number;
}

export interface Outcome {
  /** By contender. */
  readonly figures: Readonly<Record<string, Figures>>;
  /** Shown as ratios: of this contender to those. */
  readonly ratiosOf?: string;
  readonly against?: readonly string[];
}

export interface Bench {
  /** As it is asked for: `redfish-get`. */
  readonly name: string;
  readonly title: string;
  run(options: BenchOptions): Promise<Outcome>;
}

/** Shown as ratios of medians. More is better. */
const ratioFigures = [
  'requests/s',
  'requests/CPU-s',
  'logins/CPU-s',
  'flood bytes/s',
  'paste bytes/s',
  'bytes/s at 2 % loss',
];
/** Less is better. */
const costFigures = [
  'p50 µs',
  'p99 µs',
  'key echo p50 ms',
  'first answer ms',
  'CPU ms until then',
  'exec to first serial byte ms',
];

export function ratios({ figures, ratiosOf, against = [] }: Outcome): Readonly<Record<string, number>> {
  const own = ratiosOf === undefined ? undefined : figures[ratiosOf];
  if (!own) return {};
  return Object.fromEntries(
    against.flatMap((other) =>
      [...ratioFigures, ...costFigures].flatMap((what) => {
        const [a, b] = [own[what], figures[other]?.[what]];
        return a && b ? [[`${what}, of ${other}`, a.median / b.median] as const] : [];
      }),
    ),
  );
}

/** For people; medians, and in brackets the least and the most of the rounds, with p95 where that is not the most. */
export function table(bench: Bench, outcome: Outcome): string {
  const contenders = Object.entries(outcome.figures);
  const rows = [...new Set(contenders.flatMap(([, figures]) => Object.keys(figures)))];
  const lines = [
    `### ${bench.name}: ${bench.title}`,
    '',
    `| | ${contenders.map(([name]) => name).join(' | ')} |`,
    `|---|${contenders.map(() => '---|').join('')}`,
    ...rows.map((row) => {
      const cells = contenders.map(([, figures]) => {
        const figure = figures[row];
        if (!figure) return '';
        const { median, min, max, p95 } = figure;
        if (min === max) return short(median);
        const high = p95 === max ? '' : `, p95 ${short(p95)}`;
        return `${short(median)} [${short(min)}–${short(max)}${high}]`;
      });
      return `| ${row} | ${cells.join(' | ')} |`;
    }),
    '',
    ...Object.entries(ratios(outcome)).map(([name, ratio]) => `- ${name}: ${Math.round(ratio * 100)} %`),
    '',
  ];
  return lines.join('\n');
}

function short(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
