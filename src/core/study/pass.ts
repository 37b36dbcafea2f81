/** Runs of a model over blocks: one pass for probes, and a walk of streams through its layers for fits. */
import type { Model } from "../models/mod.ts";
import {
  type Blocks,
  type DropPlan,
  forward,
  type ForwardOptions,
  noDrop,
  type Probe,
  segmentsOf,
} from "../run/mod.ts";
import { engineOf, type StudyOptions } from "./options.ts";

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
