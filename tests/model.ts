/** A tiny model, run by tests, and how near its numbers have to be to what others compute. */
import assert from "node:assert/strict";
import type { Engine, Has } from "core/engine/mod.ts";
import { type DropPlan, noDrop } from "core/measure/mod.ts";
import type { Model, ModelSpec } from "core/models/mod.ts";
import { type Blocks, forward, gramProbe, type Probe, segmentsOf } from "core/run/mod.ts";
import { type Fixture, fixture } from "./fixtures/read.ts";
import { blocksOf, engine, openFolder, UNIT } from "./support.ts";

/** An engine as if it had less, or else: graphs are made for that. */
export function engineWith(has: Partial<Has>, of: Engine = engine): Engine {
  return Object.create(of, { has: { value: { ...of.has, ...has } } });
}

/** Opens a tiny model, hands it over with its texts and what is expected of it, and closes it. */
export async function withFixture<T = void>(
  name: string,
  use: (opened: { model: Model; blocks: Blocks; expected: Fixture }) => Promise<T> | T,
  config?: string,
): Promise<T> {
  const expected = await fixture(name);
  using model = await openFolder(expected.folder, config);
  return await use({ model, blocks: blocksOf(expected), expected });
}

/** Runs texts with probes, under plans; gives how many modules ran. */
export const pass = (
  model: Model,
  blocks: Blocks,
  probes: readonly Probe[],
  { on = engine, plans = [noDrop], budget }: {
    readonly on?: Engine;
    readonly plans?: readonly DropPlan[];
    readonly budget?: number | undefined;
  } = {},
) => forward({ model, engine: on, segments: segmentsOf(blocks), plans, probes, budget });

/** Sums of every module under one plan. */
export async function gramSums(
  model: Model,
  blocks: Blocks,
  { plan = noDrop, ...options }: { plan?: DropPlan; budget?: number; on?: Engine } = {},
) {
  const probe = gramProbe(model.spec.layers);
  await pass(model, blocks, [probe], { ...options, plans: [plan] });
  return probe.sums;
}

/**
 * Largest relative error (of the largest element) that a state may have against Hugging Face's. Both sides round each
 * product of D terms with an error that grows as u·√D (u the unit roundoff, errors of random sign), and carry it through 2L
 * modules that each may add as much again: 4 · 2L · √D · u. The worst measured is a fifth of it. Linear attention norms what each head
 * recalls: where that is little beside the head's state, its rounding is magnified (transformers' own float32 is 3.1e-5 from its float64
 * over 300 random tokens of `qwen3-5`). Twice as much there; over 300 tokens the worst measured, one engine beside another, is two thirds
 * of it.
 */
export function stateTolerance({ layers, hidden }: ModelSpec): number {
  const recalls = layers.some(({ attention }) => attention?.kind === "delta") ? 2 : 1;
  return recalls * 4 * 2 * layers.length * Math.sqrt(hidden) * UNIT;
}

/** Largest absolute element. */
export function largest(values: Iterable<number>): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

/** Largest absolute difference of two lists of equal length; NaN counts as infinite. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let most = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= most)) most = Number.isNaN(difference) ? Infinity : difference;
  }
  return most;
}

/** Fails unless numbers are as near as states have to be (`stateTolerance`), relative to the largest of those expected. */
export function expectNear(
  spec: ModelSpec,
  found: ArrayLike<number>,
  expected: ArrayLike<number> & Iterable<number>,
  what = "numbers",
): void {
  const [error, most] = [distance(found, expected), stateTolerance(spec) * largest(expected)];
  assert.ok(error <= most, `${what}: off by ${error}, at most ${most}`);
}
