/** One pass over a text, for what probes see of it. */
import type { Model } from "../../models/mod.ts";
import {
  type Blocks,
  type DropPlan,
  forward,
  type ForwardOptions,
  noDrop,
  type Probe,
  segmentsOf,
} from "../../run/mod.ts";
import { engineOf, type StudyOptions } from "./options.ts";

/**
 * What runs: the full model, unless plans are given; `onProgress` is told modules done and to do, and `finish` takes the streams that
 * leave the last layer.
 */
interface PassOptions {
  readonly plans?: readonly DropPlan[];
  readonly finish?: ForwardOptions["finish"];
  readonly onProgress?: (done: number, total: number) => void;
}

/** Runs a model over blocks. */
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
