/**
 * Rounds: each contender is measured for a short while, one after the other, and that again and again, so that what else
 * goes on in the machine falls on all of them. What counts is the median of a contender's rounds, beside their spread.
 */

export interface Contender {
  readonly name: string;
  /** One round of it: named figures. */
  measure(): Promise<Readonly<Record<string, number>>>;
}

export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** That 95 % of the rounds stay within; with fewer than twenty rounds the most. */
  readonly p95: number;
}

export type Figures = Readonly<Record<string, Figure>>;

/** @param rounds as many after one that does not count: code gets compiled in it */
export async function inRounds(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Readonly<Record<string, Figures>>> {
  const all = new Map<string, Record<string, number[]>>();
  for (let round = -1; round < rounds; round++) {
    for (const { name, measure } of contenders) {
      const figures = await measure();
      if (round < 0) continue;
      const kept = all.get(name) ?? {};
      all.set(name, kept);
      for (const [what, value] of Object.entries(figures)) kept[what] = [...(kept[what] ?? []), value];
    }
  }
  return Object.fromEntries(
    [...all].map(([name, kept]) => [
      name,
      Object.fromEntries(Object.entries(kept).map(([what, values]) => [what, figureOf(values)])),
    ]),
  );
}

export function figureOf(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  const [min, max, p95] = [sorted[0], sorted.at(-1), sorted[Math.ceil(0.95 * sorted.length) - 1]];
  if (
    low === undefined ||
    high === undefined ||
    min === undefined ||
    max === undefined ||
    p95 === undefined
  ) {
    throw new Error('a figure of no values');
  }
  return { median: (low + high) / 2, min, max, p95 };
}
