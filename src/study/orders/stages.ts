/**
 * Orders as a study. They divide thus: a profile by samples; losses by candidates, a greedy search round by round; an iterative search by
 * the samples of each round. A score that is measured in one pass over weights or angles is one unit.
 */
import type { DropOrder } from "../../result/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { bytesOf, flopsOf, type Pass } from "../base/estimate.ts";
import { CALIBRATION_TEXT } from "../base/options.ts";
import { profileStage } from "../passes/profile.ts";
import { keptOnly } from "../base/recorded.ts";
import { type RunOptions, type Stage, stage } from "../base/stage.ts";
import { type Step, step, type Study } from "../base/study.ts";
import { type Text, textOf, workOver } from "../base/text.ts";
import { candidatesOf, dropOfEntries } from "./candidates.ts";
import type { Entry } from "./constraints.ts";
import { openLosses } from "./losses.ts";
import { order, orderChecks, type OrderOptions, passesOf, requestOf } from "./order.ts";
import { isOpen } from "./search.ts";

/** What `order` consists of. */
export const orderStudy: Study<StudyModel, OrderOptions, DropOrder> = {
  verb: "order modules",
  checks: orderChecks,
  on: onModel,
  work(model, options) {
    const text = textOf(model, options, CALIBRATION_TEXT);
    const ordering = orderStep(model, text, options);
    return workOver(model, text, {
      label: `order of ${model.name}`,
      plans: plansIn(ordering),
      steps: [ordering],
      result: ordering.whole,
      depends: { order: requestOf(model, options) },
    });
  },
};

/** Number of plans that a step runs. */
export function plansIn({ passes }: Step): number {
  return passes.reduce((sum, { plans }) => sum + plans.length, 0);
}

/** The step that makes an order over a text. */
export function orderStep(model: StudyModel, text: Text, options: OrderOptions): Step<DropOrder> {
  return step(
    passesOf(model, requestOf(model, options), text.sizes),
    (runOptions) => order(model, { ...options, ...runOptions }),
    stagesOf(model, text, options),
  );
}

function stagesOf(model: StudyModel, text: Text, options: OrderOptions): Stage[] {
  const { by, target, upto } = requestOf(model, options);
  if ((by === "importance" || by === "magnitude") && target !== "consecutive") {
    return [profileStage(model, text, noDrop)];
  }
  const rounds = Array.from({ length: upto }, (_, round) => round);
  if (by === "greedy") return rounds.map((round) => lossStage(model, text, options, round));
  if (by === "iterative") return rounds.map((round) => iterativeStage(model, text, options, round));
  if (by === "loss" || by === "kl") return [lossStage(model, text, options, 0)];
  return [wholeStage(model, text, options)];
}

/** An order that is not divided. */
function wholeStage(model: StudyModel, { sizes }: Text, options: OrderOptions): Stage<DropOrder> {
  const passes = passesOf(model, requestOf(model, options), sizes);
  return stage({
    unit: "orders",
    units: 1,
    cost: () => flopsOf(model, passes),
    bytes: () => bytesOf(model, passes),
    run: (_, runOptions) => order(model, { ...options, ...runOptions }),
  });
}

/** What a search has dropped before a round, from what earlier rounds have kept. */
async function takenBefore(
  model: StudyModel,
  options: OrderOptions,
  round: number,
  runOptions: RunOptions,
): Promise<DropOrder["order"]> {
  if (round === 0) return [];
  return (await order(model, { ...options, ...await keptOnly(runOptions), upto: round })).order;
}

/** A round of losses: each candidate a unit; those that may not be dropped any more take no time. */
function lossStage(model: StudyModel, text: Text, options: OrderOptions, round: number): Stage<void> {
  const { spec } = model;
  const { by, target, upto, constraints } = requestOf(model, options);
  const entries = candidatesOf(spec, target, upto);
  const pass = (plans: readonly DropPlan[]): Pass[] => [{ ...text.sizes, plans, head: true }];
  const plan = (entry: Entry) => dropOfEntries(spec, [entry]);
  return stage({
    unit: "candidates",
    units: entries.length,
    cost: (candidate) => flopsOf(model, pass([plan(entries[candidate])])),
    bytes: ({ from, to }) => bytesOf(model, pass(entries.slice(from, to).map(plan))),
    async run({ from, to }, runOptions) {
      const taken = await takenBefore(model, options, round, runOptions);
      const open = entries.slice(from, to).filter((entry) =>
        by !== "greedy" || isOpen(entry, taken, spec.layers.length, constraints)
      );
      const plans = open.map((entry) => dropOfEntries(spec, [...taken, entry]));
      const full = round === 0 && from === 0 ? [noDrop] : [];
      if (plans.length + full.length === 0) return;
      const packed = await text.pack(runOptions);
      const losses = openLosses(model, packed, by === "kl" ? "divergence" : "loss", runOptions);
      try {
        await losses.of([...full, ...plans], runOptions);
      } finally {
        losses.free();
      }
    },
  });
}

/** A round of an iterative search: a profile of the model without the modules that earlier rounds dropped. */
function iterativeStage(model: StudyModel, text: Text, options: OrderOptions, round: number): Stage {
  const stageOf = async (runOptions: RunOptions) => {
    const taken = await takenBefore(model, options, round, runOptions);
    return profileStage(model, text, dropOfEntries(model.spec, taken));
  };
  return {
    ...profileStage(model, text, noDrop),
    run: async (span, runOptions) => await (await stageOf(runOptions)).run(span, runOptions),
    join: async (spans, runOptions) => await (await stageOf(runOptions)).join(spans, runOptions),
  };
}
