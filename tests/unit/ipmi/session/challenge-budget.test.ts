import { describe, expect, it } from 'vitest';
import {
  ChallengeBudget,
  challengesInAll,
  challengesPerSource,
} from '../../../../src/ipmi/session/challenge-budget.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

function bench() {
  const clock = new ScriptedClock();
  const budget = new ChallengeBudget(clock);
  /** @returns how many of so many were to be had */
  const take = (times: number, source = '192.0.2.1') => {
    let had = 0;
    for (let i = 0; i < times; i++) if (budget.take(source)) had++;
    return had;
  };
  const one = (i: number) => `198.${51 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
  return { clock, budget, take, one };
}

describe('challenges', () => {
  it('are ten at once to a source, then ten a second, and never saved up beyond ten', () => {
    const { clock, take } = bench();
    expect([challengesPerSource, take(50)]).toEqual([10, 10]);
    clock.advance(99);
    expect(take(5)).toBe(0);
    clock.advance(1);
    expect(take(5)).toBe(1);
    clock.advance(500);
    expect(take(50)).toBe(5);
    clock.advance(3_600_000);
    expect(take(50)).toBe(10);
  });

  it('are a hundred in all for sources that have had one, and one for each that has had none', () => {
    const { take, one } = bench();
    let had = 0;
    for (let i = 0; i < 200; i++) had += take(1, one(i));
    expect([challengesInAll, had]).toEqual([100, 200]);
    // The hundred are gone, whoever asks for a second one.
    expect(take(5, one(0))).toBe(0);
    expect(take(5, one(300))).toBe(1);
  });

  it('come back for all at a hundred a second', () => {
    const { clock, take, one } = bench();
    for (let i = 0; i < 100; i++) take(1, one(i));
    expect(take(1, one(0))).toBe(0);
    clock.advance(20);
    expect(take(5, one(0))).toBe(2);
  });

  it('that are met are given back to their source and to all, no more than there were', () => {
    const { budget, take } = bench();
    for (let i = 0; i < 1000; i++) {
      expect(take(1)).toBe(1);
      budget.giveBack('192.0.2.1');
    }
    expect(take(20)).toBe(10);
    for (let i = 0; i < 20; i++) budget.giveBack('192.0.2.1');
    budget.giveBack('203.0.113.1');
    expect(take(20)).toBe(10);
  });

  it('are counted for 8,192 sources; when there are more, one whose account is even goes, and no other', () => {
    const { clock, budget, take, one } = bench();
    take(1, one(0));
    take(10, one(1));
    for (let i = 2; i < 8192; i++) budget.take(one(i));
    clock.advance(200);
    // The account of the first is even by now, that of the second is not.
    budget.take(one(8192));
    expect(take(50, one(1))).toBe(2);
  });

  it('forget the source that was served longest ago when no account is even', () => {
    const { budget, take, one } = bench();
    take(10, one(0));
    take(9, one(1));
    for (let i = 2; i < 8192; i++) budget.take(one(i));
    expect(take(1, one(0))).toBe(0);
    budget.take(one(9000));
    // As if it had never had any; which makes room for it by the next one that goes.
    expect(take(1, one(0))).toBe(1);
  });

  it('are given back one for one', () => {
    const { budget, take } = bench();
    take(10);
    budget.giveBack('192.0.2.1');
    expect(take(5)).toBe(1);
  });

  it('are not forgotten of a source that was served a moment ago, however long it is known', () => {
    const { clock, budget, take, one } = bench();
    take(10, one(0));
    clock.advance(100);
    for (let i = 1; i < 8192; i++) budget.take(one(i));
    // One is to be had in all, and the first source has it.
    budget.giveBack(one(5));
    expect(take(1, one(0))).toBe(1);
    for (const newcomer of [9000, 9001]) budget.take(one(newcomer));
    expect(take(1, one(0))).toBe(0);
  });
});
