import { displayable, eachOf } from "core/entry/mod.ts";
import { deviation, eachMean, KINDS, mean, type ModuleKind, toldSign } from "core/measure/mod.ts";
import { largest, type Profile, SHAPE } from "../profile/mod.ts";
import {
  byKind,
  canonical,
  head,
  kind,
  perLayer,
  provenanceForm,
  type Tally,
  tally,
  updateMeans,
} from "core/result/mod.ts";
import { moduleRatio } from "./theory/module_ratio.ts";
import { z } from "zod";

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
    ...head(randomInitKind),
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
function byLayer(rows: readonly (readonly (number | null)[])[], reduce: (values: number[]) => number | null) {
  return rows[0].map((_, l) => {
    const values = rows.map((row) => row[l]).filter((value) => value !== null);
    return values.length === 0 ? null : reduce(values);
  });
}

/** In how many untrained models attention is less important than the MLPs, or more, over the seeds of each. */
export const initCounts = (models: readonly RandomInit[]): Tally =>
  tally(
    models.map(({ attention, mlp }) =>
      toldSign(
        attention.bySeed.map((own, seed) => Math.log(moduleRatio({ attention: own, mlp: mlp.bySeed[seed] }))),
      )
    ),
  );

/** Means of one kind of module over seeds, by layer [L]; null where the model has no such module. */
const seedMeans = z.object({
  ...updateMeans,
  /** Standard deviation of the importance over seeds; null for a single one. */
  spread: perLayer,
  bySeed: z.array(perLayer),
});

export const randomInitKind = kind("random-init", { method: 2 }, {
  /** Provenance of the first seed's profile. */
  provenance: provenanceForm,
  /** D, L, H, K, E, F, V, and the norm placement. */
  shape: z.object({ ...eachOf(SHAPE, () => z.int()), norm: z.enum(["pre", "peri", "post"]) }),
  /** Standard deviations: of all matrices and the embedding, and of the projections onto the residual stream. */
  initialiser: z.object({ std: z.number(), residualStd: z.number() }),
  seeds: z.array(z.int().nonnegative()).min(1),
  /** For each seed. */
  tokens: z.int().positive(),
  skippedTokens: z.int().nonnegative(),
  /** mean |x| at the input of each layer [L]. */
  streamNorm: perLayer,
  ...byKind(seedMeans),
});
/** Importance, magnitude and sign of every module of an untrained model, over seeds. */
export type RandomInit = z.infer<typeof randomInitKind.form>;
