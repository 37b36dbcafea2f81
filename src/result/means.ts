/** From sums to the means that results show. */
import { displayable } from "../entry/mod.ts";
import { standardError } from "../measure/mod.ts";
import type { Perplexity } from "./forms.ts";
import { head } from "./methods.ts";
import { mixturesOf, type RoutingSums } from "./mixtures.ts";
import type { ModuleMeans, Profile } from "./profile.ts";
import type { Provenance } from "./provenance.ts";

type ModuleSums = Profile["sums"]["attention"];
type SampleSums = NonNullable<ModuleSums[number]>;

/** A profile from its sums, those of what routers did, and where some attention is linear. */
export function profileOf(
  provenance: Provenance,
  sums: Profile["sums"],
  routing?: RoutingSums | undefined,
  mixers?: Profile["mixers"],
): Profile {
  const { samples, length } = provenance.packing;
  const tokens = samples * length;
  const counted = Object.values(sums).flat().filter((layer) => layer !== null)
    .map((layer) => total(layer, "counted"));
  if (counted.some((count) => count === 0)) {
    throw new RangeError(
      `Cannot profile ${provenance.model.name}: the residual stream is zero at every token before or after a module, ` +
        "expected weights that are not all zero",
    );
  }
  return displayable({
    ...head("profile"),
    provenance,
    tokens,
    skippedTokens: counted.length ? tokens - Math.min(...counted) : 0,
    streamNorm: sums.block.map((layer) => layer && total(layer, "norm") / total(layer, "counted")),
    sums,
    attention: means(sums.attention),
    mlp: means(sums.mlp),
    block: means(sums.block),
    ...mixturesOf(routing),
    ...mixers?.includes("linear") ? { mixers } : {},
  });
}

/** A perplexity from its sums. */
export function perplexityOf(provenance: Provenance, sums: Perplexity["sums"]): Perplexity {
  const sum = (key: keyof Perplexity["sums"][number]) =>
    sums.reduce((total, sample) => total + sample[key], 0);
  const tokens = sum("tokens");
  const nll = sum("nll") / tokens;
  return displayable({
    ...head("perplexity"),
    provenance,
    nll,
    standardError: standardError(sums.map((sample) => sample.nll / sample.tokens)),
    perplexity: Math.min(Math.exp(nll), Number.MAX_VALUE), // JSON has no infinity
    kl: sum("kl") / tokens,
    top1: sum("top1") / tokens,
    tokens,
    sums,
  });
}

function means(sums: ModuleSums): ModuleMeans {
  const mean = (key: "distance" | "magnitude" | "sign") =>
    sums.map((layer) => layer && total(layer, key) / total(layer, "counted"));
  return {
    importance: mean("distance"),
    relativeMagnitude: mean("magnitude"),
    sign: mean("sign"),
    standardError: sums.map((layer) => layer && standardError(sampleMeans(layer))),
  };
}

/** Means of the samples in which some token counts. */
function sampleMeans(samples: SampleSums): number[] {
  return samples.filter(({ counted }) => counted > 0).map(({ distance, counted }) => distance / counted);
}

function total(samples: SampleSums, key: keyof SampleSums[number]): number {
  return samples.reduce((sum, sample) => sum + sample[key], 0);
}
