/**
 * How good a guide each score is: over the modules of a kind, Spearman's correlation of the score with what it stands for, the
 * loss when the module alone is removed. Scores are measured on one text, losses on another.
 */
import { type Checks, displayable, phases, reportsOf, text, within } from "../entry/mod.ts";
import { KINDS, mean, rankInterval } from "../measure/mod.ts";
import { type Guide, GUIDE_NAMES, type GuideName, type Guides, head } from "../result/mod.ts";
import { noDrop } from "../run/mod.ts";
import { onModel, packText, type StudyModel } from "../subject/mod.ts";
import { flopsOf, needOf, type Pass } from "./base/estimate.ts";
import {
  CALIBRATION_TEXT,
  HELD_OUT_TEXT,
  provenance,
  studyChecks,
  type StudyOptions,
  textOptions,
} from "./base/options.ts";
import { candidatesOf, dropOfEntries } from "./orders/candidates.ts";
import type { Entry } from "./orders/constraints.ts";
import { moduleDistances } from "./orders/distances.ts";
import { gateNorms } from "./orders/gate_norm.ts";
import { pairsOf, rankCorrelation } from "./pairs.ts";
import { lossDifferences, perplexityGroups } from "./passes/perplexity.ts";
import { profileBlocks } from "./passes/profile.ts";

/** Options of `guides`. The scores are measured over `text`. */
export interface GuidesOptions extends StudyOptions {
  /** Text for measuring losses; default: `wiki`. */
  readonly heldOut?: string | undefined;
}

/** Checks of them. */
export const guidesChecks: Checks<GuidesOptions> = { ...studyChecks, heldOut: text };

type Kind = typeof KINDS[number];
/** By layer [L]; null where there is no module. */
type ByLayer = (number | null)[];

/**
 * Correlates every score of every kind of module with the losses from removing single modules.
 *
 * @example
 * ```ts
 * import { guides, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await guides(model, { ...text, heldOut: "LICENSE" });
 * for (const { module, by, rank, low, high } of result.guides) console.log(module, by, rank, low, high);
 * model.close();
 * ```
 */
export async function guides(model: StudyModel | string, options: GuidesOptions = {}): Promise<Guides> {
  return await onModel("measure guides", model, options, guidesChecks, measured);
}

async function measured(model: StudyModel, { heldOut, ...options }: GuidesOptions): Promise<Guides> {
  const { spec } = model;
  const passes = guidesPasses(model, options);
  const [profiling, angles, ...scoring] = passes.map((pass) => flopsOf(model, [pass]));
  const phase = phases(
    `guides to ${model.name}`,
    [0, profiling, angles, 0, sum(scoring)],
    options.onProgress,
  );
  const calibrated = textOptions(options, CALIBRATION_TEXT);
  const packed = await packText(model, calibrated, within(reportsOf(options), phase(0)));
  const calibration = await provenance(model, packed, noDrop, options);
  const profile = await profileBlocks(
    model,
    packed.blocks,
    calibration,
    model.name,
    within(options, phase(1)),
    needOf(model, guidesPasses(model, options)),
  );
  const entries = KINDS.flatMap((kind) => candidatesOf(spec, kind, 0));
  const turned = await moduleDistances(model, packed.blocks, entries, within(options, phase(2)));
  const gates = await gateNorms(model, within(options, phase(3)));
  const told = within({ ...options, text: heldOut ?? HELD_OUT_TEXT }, phase(4));
  const groups = KINDS.map((kind) => entries.filter(({ module }) => module === kind));
  const [[full], ...removed] = await perplexityGroups(
    model,
    [[noDrop], ...groups.map((group) => group.map((entry) => dropOfEntries(spec, [entry])))],
    told,
  );
  const byLayer = (kind: Kind, value: (entry: Entry, i: number) => number): ByLayer => {
    const values: ByLayer = spec.layers.map(() => null);
    groups[KINDS.indexOf(kind)].forEach((entry, i) => values[entry.layer] = value(entry, i));
    return values;
  };
  const at = ({ module, layer }: Entry) =>
    entries.findIndex((other) => other.module === module && other.layer === layer);
  const score: Record<GuideName, (kind: Kind) => ByLayer | null> = {
    importance: (kind) => profile[kind].importance,
    magnitude: (kind) => profile[kind].relativeMagnitude,
    angular: (kind) => byLayer(kind, (entry) => turned.all[at(entry)].angle / turned.all[at(entry)].counted),
    "angular-last": (kind) =>
      byLayer(kind, (entry) => turned.last[at(entry)].angle / turned.last[at(entry)].counted),
    "gate-norm": (kind) => kind === "attention" ? gates : null,
    kl: (kind) => byLayer(kind, (_, i) => removed[KINDS.indexOf(kind)][i].kl),
    layersAfter: (kind) => byLayer(kind, ({ layer }) => spec.layers.length - 1 - layer),
  };
  const lossOf = (kind: Kind) =>
    byLayer(kind, (_, i) => mean(lossDifferences(removed[KINDS.indexOf(kind)][i], full)));
  const loss = { attention: lossOf("attention"), mlp: lossOf("mlp"), block: lossOf("block") };
  return displayable({
    ...head("guides"),
    provenance: full.provenance,
    calibration,
    loss,
    guides: KINDS.flatMap((module) =>
      GUIDE_NAMES.flatMap((by) => {
        const values = score[by](module);
        return values ? [guideOf(module, by, values, loss[module])] : [];
      })
    ),
  });
}

/** The passes of the study: profile, angles; then the full model and all removals of each kind. */
export function guidesPasses({ spec }: Pick<StudyModel, "spec">, options: GuidesOptions): Pass[] {
  const size = textOptions(options, "");
  const removals = KINDS.map((kind) =>
    candidatesOf(spec, kind, 0).map((entry) => dropOfEntries(spec, [entry]))
  ).filter((plans) => plans.length > 0);
  return [
    { ...size, plans: [noDrop], head: false },
    { ...size, plans: [noDrop], head: false },
    { ...size, plans: [noDrop], head: false, stays: true },
    ...[[noDrop], ...removals].map((plans) => ({ ...size, plans, head: true })),
  ];
}

function guideOf(module: Kind, by: GuideName, values: ByLayer, loss: ByLayer): Guide {
  const pairs = pairsOf(values, loss);
  const rank = rankCorrelation(pairs);
  const [low, high] = rank === null ? [null, null] : rankInterval(rank, pairs.length) ?? [null, null];
  return { module, by, values: [...values], rank, low, high, modules: pairs.length };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
