/** How far the stream moves over a module or a window: sums over all tokens, and over the last of each sample. */
import { addProducts, type DistanceSums, noDistances } from "core/measure/mod.ts";
import { embed, noDrop, productsProbe, windowsProbe, type WindowSums } from "core/run/mod.ts";
import { engineOf, reporter } from "core/study/options.ts";
import type { Pass, Size } from "core/study/estimate.ts";
import { pass } from "core/study/pass.ts";
import type { Measurement } from "./score.ts";

/** Bytes of streams that windows may hold. */
const HELD = 512 * 2 ** 20;

type Tokens = "all" | "last";
type Distances = Readonly<Record<Tokens, readonly DistanceSums[]>>;

const fullPass = (size: Size): Pass[] => [{ ...size, plans: [noDrop], head: false }];

/** Of modules: all in one pass, for both choices of tokens. */
const modules: Measurement<Distances> = {
  measure: ({ model, text }, { open }, scope) =>
    scope.work(model, fullPass(text.sizes), async (options) => {
      const { blocks } = await text.pack(options);
      const probe = productsProbe(model.spec.layers, (products, perToken, places) => {
        const [all, last] = [noDistances(), noDistances()];
        addProducts(all, products, perToken, places);
        addProducts(last, products.subarray(-perToken), perToken, places);
        return { all, last };
      });
      await pass(model, blocks, [probe], options, { onProgress: reporter("layers", "modules", options) });
      const of = (tokens: Tokens) =>
        open.map(({ module, layer }) => total(probe.sums[layer][module]!.map((sums) => sums[tokens])));
      return { all: of("all"), last: of("last") };
    }),
};

/** Of windows: over groups of as many samples as may be held. */
const windowsOf = (lastToken: boolean): Measurement<readonly DistanceSums[]> => ({
  measure: ({ model, text }, { open }, scope) =>
    scope.work(model, fullPass(text.sizes), async (options) => {
      const { blocks } = await text.pack(options);
      const engine = await engineOf(options);
      const { spec: { layers, hidden } } = model;
      const { samples, length, ids } = blocks;
      const most = Math.max(...open.map(({ size }) => size));
      const bytes = (most + 1) * (lastToken ? 1 : length) * hidden * Float32Array.BYTES_PER_ELEMENT;
      const group = Math.max(1, Math.floor(HELD / bytes));
      const groups: WindowSums[] = [];
      const report = reporter("layers", "samples", options);
      for (let first = 0; first < samples; first += group) {
        const count = Math.min(group, samples - first);
        const part = { ids: ids.subarray(first * length, (first + count) * length), samples: count, length };
        const { probe, enter, sums } = windowsProbe({ layers: layers.length, hidden, most, lastToken });
        for (let sample = 0; sample < count; sample++) {
          enter(
            sample,
            await embed(model, engine, part.ids.subarray(sample * length, (sample + 1) * length)),
          );
        }
        await pass(model, part, [probe], options, {
          onProgress: (done, all) => report(first + count * done / all, samples),
        });
        groups.push(sums);
      }
      return open.map(({ layer, size }) => total(groups.map((sums) => sums[size - 1][layer])));
    }),
});
const windows = { all: windowsOf(false), last: windowsOf(true) };

function total(parts: readonly DistanceSums[]): DistanceSums {
  const sums = noDistances();
  for (const part of parts) {
    for (const key of Object.keys(sums) as (keyof DistanceSums)[]) sums[key] += part[key];
  }
  return sums;
}

/** A mean over tokens: of 1 − cos(X, Y), of the angle, or of |update| / |X|. */
export function moved(sum: Exclude<keyof DistanceSums, "counted">, tokens: Tokens = "all") {
  const means = (all: readonly DistanceSums[]) => all.map((sums) => sums[sum] / sums.counted);
  return {
    modules: { from: modules, read: (measured: Distances) => means(measured[tokens]) },
    windows: { from: windows[tokens], read: means },
  };
}
