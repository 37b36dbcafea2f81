/**
 * How far the stream moves over a module or a window: 1 − cos, the angular distance, |update| / |X|, over all tokens or the
 * last of each sample.
 *
 * 1 − cos over a block is the block influence of ShortGPT (arXiv 2403.03853), and the importance of the paper: one score.
 */
import { addProducts, type DistanceSums, noDistances } from "../../measure/mod.ts";
import { type Blocks, embed, productsProbe, windowsProbe, type WindowSums } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { engineOf, reporter, type StudyOptions } from "../base/options.ts";
import { pass } from "../base/pass.ts";
import type { Entry } from "./constraints.ts";

/** Bytes of streams that windows may hold. */
const HELD = 512 * 2 ** 20;

/** Sums over all tokens, and over the last of each sample. */
export type Distances = Readonly<Record<"all" | "last", readonly DistanceSums[]>>;

/** For each of the modules, in one pass. */
export async function moduleDistances(
  model: StudyModel,
  blocks: Blocks,
  entries: readonly Entry[],
  options: StudyOptions,
): Promise<Distances> {
  const probe = productsProbe(model.spec.layers, (products, perToken, places) => {
    const [all, last] = [noDistances(), noDistances()];
    addProducts(all, products, perToken, places);
    addProducts(last, products.subarray(-perToken), perToken, places);
    return { all, last };
  });
  await pass(model, blocks, [probe], options, { onProgress: reporter("layers", "modules", options) });
  const of = (tokens: "all" | "last") =>
    entries.map(({ module, layer }) => total(probe.sums[layer][module]!.map((sums) => sums[tokens])));
  return { all: of("all"), last: of("last") };
}

/** Sums over tokens for each of the windows, of which the largest has `most` blocks. */
export async function windowDistances(
  model: StudyModel,
  blocks: Blocks,
  entries: readonly Entry[],
  most: number,
  lastToken: boolean,
  options: StudyOptions,
): Promise<DistanceSums[]> {
  const engine = await engineOf(options);
  const { spec: { layers, hidden } } = model;
  const { samples, length, ids } = blocks;
  const bytes = (most + 1) * (lastToken ? 1 : length) * hidden * Float32Array.BYTES_PER_ELEMENT;
  const group = Math.max(1, Math.floor(HELD / bytes));
  const groups: WindowSums[] = [];
  const report = reporter("layers", "samples", options);
  for (let first = 0; first < samples; first += group) {
    const count = Math.min(group, samples - first);
    const part = { ids: ids.subarray(first * length, (first + count) * length), samples: count, length };
    const { probe, enter, sums } = windowsProbe({ layers: layers.length, hidden, most, lastToken });
    for (let sample = 0; sample < count; sample++) {
      enter(sample, await embed(model, engine, part.ids.subarray(sample * length, (sample + 1) * length)));
    }
    await pass(model, part, [probe], options, {
      onProgress: (done, all) => report(first + count * done / all, samples),
    });
    groups.push(sums);
  }
  return entries.map(({ layer, size }) => total(groups.map((sums) => sums[size - 1][layer])));
}

function total(parts: readonly DistanceSums[]): DistanceSums {
  const sums = noDistances();
  for (const part of parts) {
    for (const key of Object.keys(sums) as (keyof DistanceSums)[]) sums[key] += part[key];
  }
  return sums;
}
