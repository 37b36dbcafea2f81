/**
 * The study of guides correlates each score with the loss from removing a module alone (Spearman, over the modules of a kind). It
 * measures scores on one text and losses on another.
 */
import { eachOf, type Of, option } from "core/entry/mod.ts";
import { KINDS, rankAgreement } from "core/measure/mod.ts";
import { GUIDE_NAMES, GUIDES } from "core/result/mod.ts";
import { type Guides, guidesKind } from "./result.ts";
import { noDrop } from "core/run/mod.ts";
import { aText, type StudyModel } from "core/subject/mod.ts";
import { HELD_OUT_TEXT, heldOutChecks, studyChecks } from "core/study/options.ts";
import { study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { textOf } from "core/study/text.ts";
import { perplexitiesIn, riseOver } from "../losses/mod.ts";
import { candidatesOf, dropOfEntries, type Measurement, type Numbers } from "./scores/score.ts";
import { scores } from "./scores/mod.ts";

/** The checks of `GuidesOptions`, option by option. */
export const guidesChecks = {
  ...studyChecks,
  /** Text for measuring losses; default: `wiki`. */
  heldOut: option(aText, "<file|name> text on which the cost of removal is measured", HELD_OUT_TEXT),
};

/** Options of `guides`. The scores are measured over `text`. */
export type GuidesOptions = Of<typeof guidesChecks>;

/** The measurements that guides read, each once. */
const measurements = [
  ...new Set(GUIDE_NAMES.flatMap((name) => {
    const { ofRemoval, modules: { from } } = scores[GUIDES[name]];
    return ofRemoval ? [] : [from];
  })),
];

/**
 * Correlates every score of every kind of module with the losses from removing single modules.
 *
 * @example
 * ```ts
 * import { guides, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await guides(model, { text: "README.md", heldOut: "LICENSE", samples: 2, length: 32 });
 * for (const { module, by, rank, low, high } of result.guides) console.log(module, by, rank, low, high);
 * ```
 */
export async function guides(model: StudyModel | string, options: GuidesOptions = {}): Promise<Guides> {
  return await run(guidesStudy, model, options);
}

export const guidesStudy = study<GuidesOptions, Guides>({
  says: "show how well each score predicts the cost of removing a module (rank correlation)",
  verb: "measure guides",
  label: ({ name }) => `guides to ${name}`,
  checks: guidesChecks,
  text: textOf,
  async run(scope, model, { heldOut = HELD_OUT_TEXT, ...options }) {
    const { spec, name } = model;
    const [text, held] = [
      textOf(model, options),
      textOf(model, { ...options, text: heldOut }, heldOutChecks),
    ];
    await scope.read(held);
    const origins = {
      provenance: await scope.origin(model, held),
      calibration: await scope.origin(model, text),
    };
    return await scope.kept(guidesKind, `guides to ${name}`, origins, async () => {
      const round = { open: KINDS.flatMap((kind) => candidatesOf(spec, kind, 0)), taken: [] };
      const found = new Map<Measurement, unknown>();
      for (const from of measurements) found.set(from, await from.measure({ model, text }, round, scope));
      const removals = KINDS.map((kind) =>
        candidatesOf(spec, kind, 0).map((entry) => dropOfEntries(spec, [entry]))
      );
      const naming = { label: `perplexity of ${name}`, group: "plans" };
      const [[full], ...removed] = await perplexitiesIn(scope, model, held, [[noDrop], ...removals], naming);
      const runs = removed.flat(); // in the order of the round

      const layers = spec.layers.length;
      /** Numbers of candidates by kind and layer [L]; null where there is no module. */
      const byKind = (numbers: Numbers) => {
        const values = eachOf(KINDS, () => Array<number | null>(layers).fill(null));
        round.open.forEach(({ module, layer }, i) => values[module][layer] = numbers[i]);
        return values;
      };
      const losses = byKind(runs.map((run) => riseOver(run, full).rise));
      const guides = GUIDE_NAMES.map((by) => {
        const { modules: { from, read }, ...score } = scores[GUIDES[by]];
        const numbers = score.ofRemoval
          ? runs.map((run) => score.ofRemoval!(run))
          : read(found.get(from), round.open, { layers, seed: 0 });
        return { by, values: byKind(numbers) };
      });
      const ranked = KINDS.flatMap((module) =>
        guides.map(({ by, values: { [module]: values } }) => {
          const { count: modules, ...rank } = rankAgreement(values, losses[module]);
          return { module, by, values, ...rank, modules };
        })
      );
      return { ...origins, rise: losses, guides: ranked };
    });
  },
});
