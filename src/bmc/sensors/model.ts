/**
 * What a server of this make would draw and how warm it would get, given what its processors really do. Pure
 * functions: a virtual machine has neither a power supply nor a heat sink, but it has a load.
 *
 *     load ─▶ power = board + processors × (idle … full) ─▶ temperatures, each of first order ─▶ fan steps
 */

/** The controller alone, while the machine is off. */
export const standbyWatts = 6;
/** Board, memory, fans and disks of a machine that is on. */
const boardWatts = 18;
const idleWattsPerCpu = 4;
const fullWattsPerCpu = 20;

/** Of the air that comes in. */
const ambientC = 25;
/** How much warmer processors are at full load, and a board beside them. */
const cpuRiseC = 50;
const boardRiseC = 12;
/** Time constants: after so long 63 % of the way is gone. */
const cpuTimeConstantMs = 20_000;
const boardTimeConstantMs = 240_000;

/** Steps of a fan's speed, and from which temperature on each is taken. */
const fanSteps = [2_400, 3_600, 5_400, 7_800] as const;
export const fanTopRpm = fanSteps[fanSteps.length - 1] as number;
const cpuFanStepsC = [48, 60, 72] as const;
const systemFanStepsC = [33, 36, 40] as const;
/** A step is left downwards only so far below where it was taken, so that fans do not hunt. */
const fanReturnC = 3;

/** @param load 0 to 1: the mean of all processors; undefined while the machine is off */
export function watts(cpus: number, load: number | undefined): number {
  return load === undefined ? standbyWatts : boardWatts + cpus * cpuWatts(load);
}

export function maximumWatts(cpus: number): number {
  return watts(cpus, 1);
}

/** The load at which the machine draws so many watts: {@link watts} turned round; may lie outside of 0 to 1. */
export function loadAt(cpus: number, watts: number): number {
  return ((watts - boardWatts) / cpus - idleWattsPerCpu) / (fullWattsPerCpu - idleWattsPerCpu);
}

function cpuWatts(load: number): number {
  return idleWattsPerCpu + (fullWattsPerCpu - idleWattsPerCpu) * load;
}

export interface Temperatures {
  readonly cpuC: number;
  readonly boardC: number;
}

/** A machine that has long been off. */
export const cold: Temperatures = { cpuC: ambientC, boardC: ambientC };

/** Temperatures after `elapsedMs` at one load. Exact for any span: two half steps give the same as one whole. */
export function warmed(before: Temperatures, load: number | undefined, elapsedMs: number): Temperatures {
  const share = load === undefined ? 0 : cpuWatts(load) / fullWattsPerCpu;
  return {
    cpuC: approach(before.cpuC, ambientC + cpuRiseC * share, elapsedMs / cpuTimeConstantMs),
    boardC: approach(before.boardC, ambientC + boardRiseC * share, elapsedMs / boardTimeConstantMs),
  };
}

function approach(from: number, to: number, timeConstants: number): number {
  return to + (from - to) * Math.exp(-timeConstants);
}

export interface FanLevels {
  readonly cpu: number;
  readonly system: number;
}

export const slowestFans: FanLevels = { cpu: 0, system: 0 };

export function fanLevels(before: FanLevels, { cpuC, boardC }: Temperatures): FanLevels {
  return {
    cpu: level(before.cpu, cpuC, cpuFanStepsC),
    system: level(before.system, boardC, systemFanStepsC),
  };
}

function level(before: number, celsius: number, steps: readonly number[]): number {
  const up = steps.filter((step) => celsius >= step).length;
  const down = steps.filter((step) => celsius >= step - fanReturnC).length;
  return Math.min(Math.max(before, up), down);
}

/** @param level from 0 */
export function fanRpm(level: number): number {
  return fanSteps[Math.min(level, fanSteps.length - 1)] as number;
}
