/** Axes as data: scales, ticks and labels. */
import { formatFixed, formatTick } from "../../words/numbers.ts";

export interface Axis {
  /** Linear by default. */
  readonly type?: "linear" | "log" | "symlog";
  /** The ends of the scale: left and right, or bottom and top. */
  readonly domain: readonly [number, number];
  /** A symlog scale is linear up to this value. */
  readonly constant?: number;
  readonly ticks?: readonly number[];
  readonly format?: (value: number) => string;
  /** Names instead of numbers: of 0, 1, 2 … */
  readonly names?: readonly string[];
  readonly label?: string | null;
  readonly small?: boolean;
  /** Whether a y axis has its label beside it, from bottom to top. */
  readonly turned?: boolean;
  readonly grid?: boolean;
  /** A line at the value that means "no difference"; dashed where it is a reference. */
  readonly rule?: number | null;
  readonly dashed?: boolean;
  /** Neither ticks nor labels: a neighbouring panel has them. */
  readonly bare?: boolean;
}

/** A scale from low to high, padded on both sides by a fraction of its length. */
export function logDomain(values: readonly number[]): [number, number] {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (positive.length === 0) return [0.1, 1];
  const [low, high] = [Math.log(Math.min(...positive)), Math.log(Math.max(...positive))];
  const air = Math.max(0.05 * (high - low), 0.1);
  return [Math.exp(low - air), Math.exp(high + air)];
}

/** Round numbers inside a domain: powers of ten; with 2 and 5 in between in short domains. */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const decades = Math.log10(high / low);
  const factors = decades < 1.2 ? [1, 2, 3, 5, 7] : decades < 2.6 ? [1, 2, 5] : [1];
  const step = Math.max(1, Math.ceil(decades / 8));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    if (power % step !== 0) continue;
    for (const factor of factors) {
      const tick = Number(`${factor}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

/** Round numbers inside a domain, in the largest steps of 1, 2 or 5 that leave at least so many. */
export function fewTicks(domain: readonly [number, number], least = 2): number[] {
  const [low, high] = [Math.min(...domain), Math.max(...domain)];
  if (low === high) return [low];
  const power = Math.ceil(Math.log10(high - low));
  const steps = [power, power - 1, power - 2].flatMap((at) =>
    [5, 2, 1].map((digit) => Number(`${digit}e${at}`))
  );
  const ticksOf = (step: number) => {
    const first = Math.ceil(low / step);
    const count = Math.max(0, Math.floor(high / step) - first + 1);
    return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(6)));
  };
  return ticksOf(steps.find((step) => ticksOf(step).length >= least)!);
}

/** Every n-th entry, starting with the first, at most this many. */
export function thinned<T>(entries: readonly T[], most: number): T[] {
  const every = Math.ceil(entries.length / most);
  return entries.filter((_, i) => i % every === 0);
}

/** Whole numbers from 0 to the highest, in at most this many steps. */
export function countTicks(highest: number, most = 8): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => highest / step <= most) ?? 1000;
  return Array.from({ length: Math.floor(highest / step) + 1 }, (_, i) => i * step);
}

export function logAxis(domain: readonly [number, number], label: string | null): Axis {
  return { type: "log", domain, ticks: logTicks(domain), format: formatTick, label, grid: true };
}

/** A linear axis with its grid and a line at zero. */
export function linearAxis(
  domain: readonly [number, number],
  label: string,
  format = (value: number) => formatFixed(value, 1),
): Axis {
  return { domain, label, format, grid: true, rule: 0 };
}

/** A domain of these values and zero, with air at the ends that are not zero. */
export function withZero(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const air = 0.05 * (high - low || 1);
  return [low < 0 ? low - air : 0, high + air];
}

export function airyDomain(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = 0.08 * (high - low) || 0.1 * Math.abs(high) || 1;
  return [low - air, high + air];
}

export function indexAxis(n: number, label: string, most = 8): Axis {
  return { domain: [-0.5, n - 0.5], ticks: countTicks(n - 1, most), label };
}

export function namesAxis(names: readonly string[]): Axis {
  return { domain: [-0.5, names.length - 0.5], ticks: names.map((_, i) => i), names };
}

/** The same axis from the other end: downwards instead of upwards. */
export const reversed = (axis: Axis): Axis => ({ ...axis, domain: [axis.domain[1], axis.domain[0]] });

export function dropAxis(highest: number, most = 8): Axis {
  return { domain: [0, highest], ticks: countTicks(highest, most), label: "modules dropped" };
}

/**
 * Steps of training: logarithmic, with room for step 0. Up to the first positive step the scale is linear (symlog), so an even
 * spacing in the logarithm looks even and 0 is at the left end.
 */
export function stepAxis(steps: readonly number[], most = 9): Axis {
  const constant = Math.min(...steps.filter((step) => step > 0), Infinity);
  return {
    type: "symlog",
    constant: Number.isFinite(constant) ? constant : 1,
    domain: [steps[0], Math.max(steps.at(-1)!, steps[0] + 1)],
    ticks: thinned(steps, most),
    format: formatStep,
    label: "step",
  };
}

/** 0, 512, 4k, 143k: three digits at most. */
export function formatStep(step: number): string {
  return step < 1000
    ? String(step)
    : step < 10_000 && step % 1000 > 99
    ? `${(step / 1000).toFixed(1)}k`
    : formatTick(step);
}

export const formatPercent = (share: number): string => `${Math.round(share * 100)} %`;
