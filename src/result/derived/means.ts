/** From sums to the means that results show, and from the profiles of several seeds to their mean and spread. */
import { displayable, eachOf, sum } from "../../entry/mod.ts";
import {
  DEPTH_MEASURES,
  deviation,
  eachMean,
  EFFECTIVE,
  effectiveDepth,
  KINDS,
  mean,
  type ModuleKind,
  ratio95,
  standardError,
  type UpdateSums,
} from "../../measure/mod.ts";
import type { Depth, DepthRequest } from "../forms/depth.ts";
import type { Perplexity } from "../forms/perplexity.ts";
import type { Mixtures, ModuleMeans, Profile, RandomInit, RoutingSums } from "../forms/profile.ts";
import { canonical } from "../keeping/key.ts";
import { head } from "../kinds.ts";
import type { Provenance } from "../forms/provenance.ts";

type ModuleSums = Profile["sums"]["attention"];
type SampleSums = NonNullable<ModuleSums[number]>;

/** A profile from its sums, how large the modules are, the sums of what routers did, and where some attention is linear. */
export function profileOf(
  provenance: Provenance,
  sums: Profile["sums"],
  sizes: Profile["sizes"],
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
    ...eachOf(KINDS, (kind) => means(sums[kind])),
    ...mixturesOf(routing),
    ...mixers?.includes("linear") ? { mixers } : {},
    sizes,
  });
}

export function perplexityOf(provenance: Provenance, sums: Perplexity["sums"]): Perplexity {
  const tokens = total(sums, "tokens");
  const nll = total(sums, "nll") / tokens;
  return displayable({
    ...head("perplexity"),
    provenance,
    nll,
    standardError: standardError(sums.map((sample) => sample.nll / sample.tokens)),
    perplexity: Math.min(Math.exp(nll), Number.MAX_VALUE), // JSON has no infinity
    kl: total(sums, "kl") / tokens,
    top1: total(sums, "top1") / tokens,
    tokens,
    sums,
  });
}

export function depthOf(
  { provenance, stride, rows, frequent }: DepthRequest,
  { samples }: Pick<Depth, "samples">,
): Depth {
  return displayable<Depth>({
    ...head("depth"),
    ...{ provenance, stride, rows, frequent },
    effective: eachOf(EFFECTIVE, (name) => effectiveDepth(samples, name)),
    measures: eachOf(
      DEPTH_MEASURES,
      (name) => samples[0][name].map((_, l) => ratio95(samples.map((sums) => sums[name][l]))),
    ),
    samples,
  });
}

function means(sums: ModuleSums): ModuleMeans {
  const mean = (layer: SampleSums, sum: keyof UpdateSums) =>
    sum === "largest"
      ? largest(layer.map(({ largest }) => largest))
      : total(layer, sum) / total(layer, "counted");
  return {
    ...eachMean((sum) => sums.map((layer) => layer && mean(layer, sum))),
    standardError: sums.map((layer) =>
      layer &&
      standardError(layer.filter(({ counted }) => counted > 0).map((one) => one.distance / one.counted))
    ),
  };
}

const largest = (values: readonly number[]) => Math.max(...values);

function total<K extends string>(samples: readonly { readonly [Key in K]: number }[], key: K): number {
  return samples.reduce((sum, sample) => sum + sample[key], 0);
}

/** The means of sums; nothing where no layer has a mixture. */
function mixturesOf(sums: RoutingSums | undefined): { mixtures: Mixtures } | Record<never, never> {
  if (!sums?.some((layer) => layer !== null)) return {};
  const counts = sums.map((samples) =>
    samples &&
    samples.reduce<number[]>((all, { load }) => load.map((count, e) => count + (all[e] ?? 0)), [])
  );
  return {
    mixtures: {
      sums,
      load: counts.map((layer) => {
        const all = sum(layer ?? []);
        return layer && layer.map((count) => count / all);
      }),
      entropy: sums.map((samples) => samples && total(samples, "entropy") / total(samples, "tokens")),
      unused: counts.map((layer) => layer && layer.filter((count) => count === 0).length / layer.length),
    },
  };
}

/** Combines profiles that differ only in their seed. Throws `TypeError` if they differ in anything else. */
export function overSeeds(
  profiles: readonly Profile[],
  { shape, initialiser }: Pick<RandomInit, "shape" | "initialiser">,
): RandomInit {
  const [first] = profiles;
  if (!first) throw new RangeError("Cannot average over seeds: found no profile, expected at least one");
  const fixed = ({ provenance: { seed: _, ...rest } }: Profile) => canonical(rest);
  if (profiles.some((profile) => fixed(profile) !== fixed(first))) {
    throw new TypeError(
      "Cannot average over seeds: found profiles that differ in more than their seed, expected the same study",
    );
  }
  const modules = (kind: ModuleKind) => {
    const bySeed = profiles.map((profile) => profile[kind].importance);
    return {
      ...eachMean<(number | null)[]>((sum, read) =>
        byLayer(profiles.map((profile) => read(profile[kind])), sum === "largest" ? largest : mean)
      ),
      spread: byLayer(bySeed, deviation),
      bySeed,
    };
  };
  return displayable({
    ...head("random-init"),
    provenance: first.provenance,
    shape,
    initialiser,
    seeds: profiles.map(({ provenance }) => provenance.seed ?? 0),
    tokens: first.tokens,
    skippedTokens: Math.max(...profiles.map((profile) => profile.skippedTokens)),
    streamNorm: byLayer(profiles.map((profile) => profile.streamNorm), mean),
    ...eachOf(KINDS, modules),
  });
}

/** Reduces the seeds' values of each layer; null where there are none. */
function byLayer(
  rows: readonly (readonly (number | null)[])[],
  reduce: (values: number[]) => number | null,
): (number | null)[] {
  return rows[0].map((_, l) => {
    const values = rows.map((row) => row[l]).filter((value) => value !== null);
    return values.length === 0 ? null : reduce(values);
  });
}
