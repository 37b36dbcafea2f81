/**
 * Untrained models, divided by seeds; where there are more parts than seeds, by batches of samples too, since the layers of one seed follow
 * each other. Every shard draws the weights of its seeds again.
 */
import { keep, merge } from "../../result/mod.ts";
import { specKey } from "../../models/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { type NamedConfig, partOf, zipfText } from "../../subject/mod.ts";
import { bytesOf, flopsOf } from "../estimate.ts";
import { profileBlocks } from "../profile.ts";
import { type RandomInitOptions, untrainedOf } from "../untrained/random_init.ts";
import { withUntrained } from "../untrained/untrained.ts";
import { batchesOf, type Division, type ShardOptions, type Span } from "./division.ts";
import { keptOnly } from "./recorded.ts";

/** `randomInit`, divided for so many parts. */
export function randomInitShards(named: NamedConfig, options: RandomInitOptions, parts: number): Division {
  const { name, spec, allowed, initialiser, seeds, samples, length } = untrainedOf(named, options);
  const text = zipfText(spec.vocabulary, samples, length);
  const batches = batchesOf({ samples, length });
  const pieces = parts > seeds.length ? batches.count : 1; // of each seed
  const pass = (samples: number) => [{ plans: [noDrop], head: false, samples, length }];

  /** The profile of samples [from, to) of a seed. */
  const measured = (seed: number, { from, to }: Span, told: ShardOptions) => {
    const drawn = { name, config: named.config, spec, allowed, initialiser, seed };
    const part = partOf(text, from, to - from);
    const label = `random ${name}, seed ${seed}`;
    return withUntrained(
      drawn,
      part,
      told,
      (model, origin) => profileBlocks(model, part.blocks, origin, label, told),
    );
  };
  /** Samples of each seed that units [from, to) are. */
  const piecesOf = ({ from, to }: Span) =>
    seeds.flatMap((seed, s) => {
      const [first, last] = [Math.max(from - s * pieces, 0), Math.min(to - s * pieces, pieces)];
      if (first >= last) return [];
      const span = pieces === 1 ? { from: 0, to: samples } : batches.samplesOf({ from: first, to: last });
      return [{ seed, span }];
    });

  return {
    label: `random ${name}`,
    model: { name, fingerprint: `init:${JSON.stringify(initialiser)}` },
    depends: { shape: specKey(spec), initialiser, seeds, text: text.text, packing: text.packing },
    stages: [{
      unit: pieces === 1 ? "seeds" : "batches of all seeds",
      costs: Array<number>(seeds.length * pieces).fill(flopsOf({ spec }, pass(samples / pieces))),
      bytes: () => bytesOf({ spec }, pass(samples)),
      async run(span, told) {
        for (const { seed, span: own } of piecesOf(span)) await measured(seed, own, told);
      },
      async join(spans, told) {
        for (const [seed, own] of Map.groupBy(spans.flatMap(piecesOf), ({ seed }) => seed)) {
          const profiles = [];
          for (const { span } of own) profiles.push(await measured(seed, span, await keptOnly(told)));
          const whole = merge(profiles);
          await keep("profile", whole.provenance, whole, told);
        }
      },
    }],
  };
}
