/** From the profiles of one untrained model under several seeds to their mean and standard deviation. */
import { displayable } from "../entry/mod.ts";
import { deviation, mean, type ModuleKind } from "../measure/mod.ts";
import type { RandomInit } from "./forms.ts";
import { canonical } from "./key.ts";
import { head } from "./methods.ts";
import type { Profile } from "./profile.ts";

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
    const column = (key: "importance" | "relativeMagnitude" | "sign") =>
      profiles.map((profile) => profile[kind][key]);
    const bySeed = column("importance");
    return {
      importance: byLayer(bySeed, mean),
      relativeMagnitude: byLayer(column("relativeMagnitude"), mean),
      sign: byLayer(column("sign"), mean),
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
    attention: modules("attention"),
    mlp: modules("mlp"),
    block: modules("block"),
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
