/** From sums to the means that results show, and the merging of shards: sums are joined, means are made anew. */
import { createHash } from "node:crypto";
import { canonical } from "./store.ts";
import type { Perplexity } from "./forms.ts";
import type { ModuleMeans, Profile } from "./profile.ts";
import type { Provenance } from "./provenance.ts";

type ModuleSums = Profile["sums"]["attention"];
type SampleSums = NonNullable<ModuleSums[number]>;

/** A profile from its sums. */
export function profileOf(provenance: Provenance, sums: Profile["sums"]): Profile {
  const { samples, length } = provenance.packing;
  const tokens = samples * length;
  const counted = Object.values(sums).flat().filter((layer) => layer !== null)
    .map((layer) => total(layer, "counted"));
  if (counted.some((count) => count === 0)) {
    throw new RangeError(
      "Cannot average: every token of a module has |X| = 0, expected at least one direction",
    );
  }
  return {
    kind: "profile",
    provenance,
    tokens,
    skippedTokens: counted.length ? tokens - Math.min(...counted) : 0,
    streamNorm: sums.block.map((layer) => layer && total(layer, "norm") / total(layer, "counted")),
    sums,
    attention: means(sums.attention),
    mlp: means(sums.mlp),
    block: means(sums.block),
  };
}

/** A perplexity from its sums. */
export function perplexityOf(provenance: Provenance, sums: Perplexity["sums"]): Perplexity {
  const sum = (key: keyof Perplexity["sums"][number]) =>
    sums.reduce((total, sample) => total + sample[key], 0);
  const tokens = sum("tokens");
  const nll = sum("nll") / tokens;
  return {
    kind: "perplexity",
    provenance,
    nll,
    standardError: spread(sums.map((sample) => sample.nll / sample.tokens)),
    perplexity: Math.exp(nll),
    kl: sum("kl") / tokens,
    top1: sum("top1") / tokens,
    tokens,
    sums,
  };
}

/** Joins shards of one study: everything but the text and the number of samples must agree. */
export function merge<R extends Profile | Perplexity>(results: readonly R[]): R {
  const [first] = results;
  if (results.length === 0) throw new RangeError("Cannot merge nothing: expected at least one result");
  const fixed = ({ kind, provenance: { packing, text, ...rest } }: R) =>
    canonical([kind, rest, packing.length, packing.bos, text.name]);
  results.forEach((result, i) => {
    if (fixed(result) !== fixed(first)) {
      throw new TypeError(`Cannot merge result ${i + 1}: it differs from the first in more than its samples`);
    }
  });
  const provenance = {
    ...first.provenance,
    text: {
      name: first.provenance.text.name,
      hash: createHash("sha256").update(results.map((result) => result.provenance.text.hash).join()).digest(
        "hex",
      ),
    },
    packing: {
      ...first.provenance.packing,
      samples: results.reduce((sum, result) => sum + result.provenance.packing.samples, 0),
    },
  };
  if (first.kind === "perplexity") {
    return perplexityOf(
      provenance,
      (results as readonly unknown[] as Perplexity[]).flatMap((result) => result.sums),
    ) as R;
  }
  const profiles = results as readonly unknown[] as Profile[];
  const join = (module: keyof Profile["sums"]): ModuleSums =>
    profiles[0].sums[module].map((layer, l) =>
      layer && profiles.flatMap((profile) => profile.sums[module][l] as SampleSums)
    );
  return profileOf(provenance, { attention: join("attention"), mlp: join("mlp"), block: join("block") }) as R;
}

function means(sums: ModuleSums): ModuleMeans {
  const mean = (key: "distance" | "magnitude" | "sign") =>
    sums.map((layer) => layer && total(layer, key) / total(layer, "counted"));
  return {
    importance: mean("distance"),
    relativeMagnitude: mean("magnitude"),
    sign: mean("sign"),
    standardError: sums.map((layer) =>
      layer && spread(layer.map((sample) => sample.distance / sample.counted))
    ),
  };
}

function total(samples: SampleSums, key: keyof SampleSums[number]): number {
  return samples.reduce((sum, sample) => sum + sample[key], 0);
}

/** Standard error of the mean over samples; null below two. */
function spread(values: readonly number[]): number | null {
  const used = values.filter((value) => Number.isFinite(value));
  if (used.length < 2) return null;
  const mean = used.reduce((sum, value) => sum + value, 0) / used.length;
  const squares = used.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (used.length - 1) / used.length);
}
