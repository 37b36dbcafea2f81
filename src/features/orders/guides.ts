/**
 * The study of guides correlates each score with the loss from removing a module alone (Spearman, over the modules of a kind). It
 * measures scores on one text and losses on another.
 */
import { displayable, eachOf, inParts, option, sum } from "core/entry/mod.ts";
import { KINDS, rankAgreement } from "core/measure/mod.ts";
import { GUIDE_NAMES, GUIDES, head } from "core/result/mod.ts";
import { type Guides, guidesKind } from "./result.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { aText, onModel, type StudyModel } from "core/subject/mod.ts";
import { flopsOf, type Pass } from "core/study/estimate.ts";
import {
  HELD_OUT_TEXT,
  heldOutChecks,
  provenance,
  studyChecks,
  type StudyOptions,
  textOptions,
} from "core/study/options.ts";
import { inTurn, step } from "core/study/stage.ts";
import { run, type Study } from "core/study/study.ts";
import { perplexityGroups, riseOver } from "../losses/mod.ts";
import { candidatesOf, dropOfEntries, type Numbers, type Round } from "./scores/score.ts";
import { scores } from "./scores/mod.ts";
import { scopeOf } from "core/study/scope.ts";
import { type Text, textOf } from "core/study/text.ts";

/** Options of `guides`. The scores are measured over `text`. */
export interface GuidesOptions extends StudyOptions {
  /** Text for measuring losses; default: `wiki`. */
  readonly heldOut?: string | undefined;
}

/** The measurements that guides read, each once. */
const measurements = [
  ...new Set(GUIDE_NAMES.flatMap((name) => {
    const { ofRemoval, modules: { from } } = scores[GUIDES[name]];
    return ofRemoval ? [] : [from];
  })),
];

function roundOf(spec: ModelSpec): Round {
  return { open: KINDS.flatMap((kind) => candidatesOf(spec, kind, 0)), taken: [], nll: null };
}

/** The removals of one module each, by kind. */
function removalsOf(spec: ModelSpec) {
  return KINDS.map((kind) => candidatesOf(spec, kind, 0).map((entry) => dropOfEntries(spec, [entry])));
}

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

async function measured(
  model: StudyModel,
  text: Text,
  { heldOut, ...options }: GuidesOptions,
): Promise<Guides> {
  const { spec } = model;
  const round = roundOf(spec);
  const passes = guidesPasses(model, options);
  const costs = new Map(measurements.map((from, i) => [from, flopsOf(model, passes[i])]));
  const weights = { packing: 0, scoring: sum([...costs.values()]), removing: flopsOf(model, passes.at(-1)!) };
  const at = inParts(`guides to ${model.name}`, weights, options);
  const measuredOn = textOf(model, { ...options, text: heldOut ?? HELD_OUT_TEXT }, heldOutChecks);
  await measuredOn.pack(at.packing); // before anything is computed
  const calibration = await provenance(model, await text.pack(at.packing), noDrop, options);
  const ground = { model, text };
  const found = new Map(
    await inTurn(
      measurements,
      at.scoring,
      async (from, own) => [from, await from.measure(ground, round, scopeOf(own))] as const,
      { weight: (from) => costs.get(from)! },
    ),
  );
  const [[full], ...removed] = await perplexityGroups(
    model,
    [[noDrop], ...removalsOf(spec)],
    at.removing,
    measuredOn,
  );
  const runs = removed.flat(); // in the order of the round, as `removalsOf` is
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
  return displayable({
    ...head(guidesKind),
    provenance: full.provenance,
    calibration,
    rise: losses,
    guides: KINDS.flatMap((module) =>
      guides.map(({ by, values: { [module]: values } }) => {
        const { count: modules, ...rank } = rankAgreement(values, losses[module]);
        return { module, by, values, ...rank, modules };
      })
    ),
  });
}

/** What `guides` consists of; it is not divided. */
export const guidesStudy: Study<StudyModel, GuidesOptions, Guides> = {
  says: "show how well each score predicts the cost of removing a module (rank correlation)",
  verb: "measure guides",
  checks: {
    ...studyChecks,
    heldOut: option(aText, "<file|name> text on which the cost of removal is measured", HELD_OUT_TEXT),
  },
  on: onModel,
  work(model, options) {
    const text = textOf(model, options);
    const measuring = step(
      guidesPasses(model, options).flat(),
      (runOptions) => measured(model, text, { ...options, ...runOptions }),
    );
    return {
      ...{ model, text, label: `guides to ${model.name}` },
      plans: sum(measuring.passes, ({ plans }) => plans.length),
      steps: [measuring],
      result: measuring.whole,
    };
  },
};

/** The passes of each measurement, then those of the removals: the full model and each kind. */
function guidesPasses({ spec }: Pick<StudyModel, "spec">, options: GuidesOptions): Pass[][] {
  const { samples, length } = textOptions(options);
  const size = { samples, length };
  const removals = removalsOf(spec).filter((plans) => plans.length > 0);
  return [
    ...measurements.map((measurement) => measurement.passes(spec, roundOf(spec), size)),
    [
      { ...size, plans: [noDrop], head: true, stays: true },
      ...removals.map((plans) => ({ ...size, plans, head: true })),
    ],
  ];
}
