/** Runs of a model over blocks: one pass for probes, and a walk of streams through its layers for fits. */
import { released } from "../../entry/mod.ts";
import type { Model } from "../../models/mod.ts";
import {
  type Blocks,
  type DropPlan,
  forward,
  type ForwardOptions,
  noDrop,
  openProducts,
  openPrograms,
  openWalk,
  type Probe,
  type Products,
  type Programs,
  segmentsOf,
  type Walk,
} from "../../run/mod.ts";
import { engineOf, type StudyOptions } from "./options.ts";
import type { Engine } from "../../engine/mod.ts";

/** What runs: the full model, unless plans are given. `onProgress` gets modules done and to do, `finish` the last layer's streams. */
interface PassOptions {
  readonly plans?: readonly DropPlan[];
  readonly finish?: ForwardOptions["finish"];
  readonly onProgress?: (done: number, total: number) => void;
}

export async function pass(
  model: Model,
  blocks: Blocks,
  probes: readonly Probe[],
  options: Pick<StudyOptions, "engine" | "precision" | "signal">,
  { plans = [noDrop], finish, onProgress }: PassOptions = {},
): Promise<void> {
  const engine = await engineOf(options);
  const segments = segmentsOf(blocks);
  await forward({ model, engine, segments, plans, probes, finish, signal: options.signal, onProgress });
}

export interface Walking {
  readonly walk: Walk;
  readonly programs: Programs;
  readonly products: Products;
  readonly engine: Engine;
}

/** Samples that a fit is measured on, and of the others those that choose its ridge: the last quarter, or one of two or three; none of a single sample. */
export const heldOutOf = (samples: number): number => Math.floor(samples / 4) || Number(samples > 1);

/** Opens `count` streams of a text for as long as `use` runs. */
export async function withWalk<T>(
  model: Model,
  blocks: Blocks,
  count: number,
  options: Pick<StudyOptions, "engine" | "precision" | "signal">,
  use: (walking: Walking) => Promise<T>,
): Promise<T> {
  const engine = await engineOf(options);
  await using products = released(await openProducts(engine));
  await using programs = released(openPrograms(engine));
  const { signal } = options;
  const walk = await openWalk({ model, engine, segments: segmentsOf(blocks), signal, programs }, count);
  try {
    return await use({ walk, programs, products, engine });
  } finally {
    walk.close();
  }
}
