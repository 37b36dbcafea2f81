/** From sums to the means that results show, and from the profiles of several seeds to their mean and spread. */
import { displayable, eachOf, sum } from "core/entry/mod.ts";
import { eachMean, KINDS, standardError, type UpdateSums } from "core/measure/mod.ts";
import { type Mixtures, type ModuleMeans, type Profile, profileKind, type RoutingSums } from "./result.ts";
import { head, type Provenance, summed } from "core/result/mod.ts";

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
    ...head(profileKind),
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

const total = <K extends string>(samples: readonly Readonly<Record<K, number>>[], key: K) =>
  sum(samples, ({ [key]: value }) => value);

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

export const largest = (values: readonly number[]) => Math.max(...values);

/** The means of sums; nothing where no layer has a mixture. */
function mixturesOf(sums: RoutingSums | undefined): { mixtures: Mixtures } | Record<never, never> {
  if (!sums?.some((layer) => layer !== null)) return {};
  const counts = sums.map((samples) =>
    samples && samples.reduce<number[]>((all, { load }) => load.map((count, e) => count + (all[e] ?? 0)), [])
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

/** A profile's sums, and facts about the model that all its parts share. */
interface ProfileSums extends Pick<Profile, "sums" | "sizes" | "mixers"> {
  readonly mixtures?: Pick<Mixtures, "sums"> | undefined;
}

export const profileSums = summed<Pick<Profile, "provenance">, ProfileSums, Profile>({
  kind: profileKind,
  join([first, ...others]) {
    const joined = <S>(of: (part: typeof first) => readonly (S[] | null)[]) =>
      of(first).map((layer, l) => layer && [...layer, ...others.flatMap((part) => of(part)[l]!)]);
    const mixtures = first.mixtures && { sums: joined(({ mixtures }) => mixtures!.sums) };
    return { ...first, sums: eachOf(KINDS, (kind) => joined(({ sums }) => sums[kind])), mixtures };
  },
  from: ({ provenance }, { sums, sizes, mixtures, mixers }) =>
    profileOf(provenance, sums, sizes, mixtures?.sums, mixers),
});
