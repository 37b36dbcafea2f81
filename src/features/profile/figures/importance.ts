import { KINDS } from "core/measure/mod.ts";
import { byImportance, moduleSigns, nearFirst } from "../signs.ts";
import type { Profile } from "../result.ts";
import { tally } from "core/result/mod.ts";
import type { Draw } from "core/show/chart/svg.ts";
import { counts, type Finding, KIND_NAMES, reading } from "core/show/words/mod.ts";
import { namesOf } from "core/show/words/names.ts";
import { profileFigure } from "./profiles.ts";

/**
 * Draws the importance 1 − mean cos(X, Y) of every module of one profile, or of several on one scale: over the layers, or over relative
 * depth where the models differ in depth.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { importanceFigure } from "lamina/figures";
 *
 * const options = { text: "README.md", samples: 2, length: 32 };
 * const result = await profile("data/series/pre-ln/step00512", options);
 * const { svg, reading } = importanceFigure(result);
 * const before = await profile("data/series/pre-ln/step00000", options);
 * const both = importanceFigure([before, result], { width: 317, theme: "print", labels: { block: "layer" } });
 * ```
 */
export const importanceFigure: Draw<[Profile | readonly Profile[]]> = profileFigure("importance", {
  y: "importance",
  error: "standard_error",
  label: "importance (log)",
  log: true,
  rings: true,
  title: finding,
  shows: [
    "Importance 1 − cos(X, Y) of each module: how far it turns the residual stream. Bars: ± 1 standard error.",
    "The title counts layers where the two differ (95 %).",
  ],
  reads: ends,
});

/** Only layers whose samples tell the two apart are counted (95 %, paired). */
function finding(profiles: readonly Profile[]): Finding {
  const names = namesOf(profiles);
  const each = profiles.map((profile, i) => ({ name: names[i], counts: tally(moduleSigns(profile)) }));
  const total = tally(profiles.flatMap(moduleSigns));
  if (total.all === 0) return { topic: "Importance of every module" };
  if (total.unknown === total.all) {
    return { open: `in any of ${total.all} layers whether attention or the MLP is more redundant` };
  }
  return total.below >= total.above
    ? { found: `Attention is more redundant than the MLP in ${counts(each, "below", ["layers", "in"])}` }
    : { found: `The MLP is more redundant than attention in ${counts(each, "above", ["layers", "in"])}` };
}

/** The lowest and highest module of each kind, and how many others the samples do not tell from them. */
function ends(profile: Profile): string {
  const end = (order: ReturnType<typeof byImportance>) => {
    const [first, near] = [order[0], nearFirst(profile, order)];
    const open = near > 0 && `, cannot tell from ${near} other${near === 1 ? "" : "s"}`;
    return reading`${first.layer} (${{ measured: first.score }}${open})`;
  };
  const ranked = KINDS.map((kind) => ({ name: KIND_NAMES[kind], order: byImportance(profile, kind) }));
  return ranked.filter(({ order }) => order.length > 0).map(({ name, order }) =>
    `${name}: lowest in layer ${end(order)}, highest in layer ${end(order.toReversed())}`
  ).join("; ") + ".";
}
