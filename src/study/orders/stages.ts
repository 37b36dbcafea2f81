/**
 * Orders as a study. They divide as what they measure can be: a profile by samples, losses by candidates, of a search round by
 * round. What is measured in one pass over weights or angles is one unit.
 */
import type { DropOrder } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { keptOnly, provenance, type RunOptions } from "../base/options.ts";
import { byPasses, type Span, type Stage, stage } from "../base/stage.ts";
import { type Step, step, type Study } from "../base/study.ts";
import { type Text, textOf, workOver } from "../base/text.ts";
import { profileStage } from "../passes/profile.ts";
import { candidatesOf, dropOfEntries, readingFor } from "../scores/score.ts";
import { scores } from "../scores/mod.ts";
import { checkPasses, checkText, likelyFirst, removeEach } from "./check.ts";
import { constraintsOf, openBeside } from "./constraints.ts";
import { order } from "./order.ts";
import { orderChecks, type OrderOptions, passesOf, removedBy, requestOf } from "./request.ts";
import { sum } from "../../entry/mod.ts";

export const orderStudy: Study<StudyModel, OrderOptions, DropOrder> = {
  verb: "order modules",
  checks: orderChecks,
  on: onModel,
  work(model, options) {
    const text = textOf(model, options);
    const ordering = orderStep(model, text, options);
    return workOver(model, text, {
      label: `order of ${model.name}`,
      plans: plansIn(ordering),
      steps: [ordering],
      result: ordering.whole,
      depends: () => ({ order: requestOf(model, options) }),
    });
  },
};

export const plansIn = ({ passes }: Step): number => sum(passes, ({ plans }) => plans.length);

export function orderStep(model: StudyModel, text: Text, options: OrderOptions): Step<DropOrder> {
  return step(
    passesOf(model, requestOf(model, options), text.sizes).flat(),
    (runOptions) => order(model, { ...options, ...runOptions }),
    stagesOf(model, text, options),
  );
}

function stagesOf(model: StudyModel, text: Text, options: OrderOptions): Stage[] {
  const { by, target, upto, check } = requestOf(model, options);
  const { from: { unit } } = readingFor(scores[by], target);
  if (!unit) return [wholeStage(model, text, options)];
  const stageOf = unit === "samples" ? sampledStage : candidateStage;
  const { again = false } = scores[by];
  const rounds = Array.from({ length: again ? upto : 1 }, (_, round) => round);
  const scoring = rounds.map((round) => stageOf(model, text, options, round));
  const checking = check ? [checkStage(model, text, options)] : [];
  return again ? [...checking, ...scoring] : [...scoring, ...checking];
}

/** The check over candidates, each a unit: the first of the order as its score has it, which the stages before have kept. */
function checkStage(model: StudyModel, text: Text, options: OrderOptions): Stage {
  const request = requestOf(model, options);
  const { spec } = model;
  const count = removedBy(spec, request);
  const likely = likelyFirst(spec, request.target, count);
  return stage({
    unit: "removals",
    units: count,
    ...byPasses(model, ({ from, to }) => checkPasses(spec, likely.slice(from, to), text.sizes)),
    async run({ from, to }, runOptions) {
      const own = { ...options, ...await keptOnly(runOptions), unchecked: true, upto: undefined };
      const all = scores[request.by].again
        ? likely
        : (await order(model, { ...own, ...constraintsOf({}) })).order;
      const short = checkText(model, options, text);
      await removeEach(model, short, all.slice(from, to), runOptions, from === 0);
    },
  });
}

function wholeStage(model: StudyModel, { sizes }: Text, options: OrderOptions): Stage<DropOrder> {
  return stage({
    unit: "orders",
    units: 1,
    ...byPasses(model, () => passesOf(model, requestOf(model, options), sizes).flat()),
    run: (_, runOptions) => order(model, { ...options, ...runOptions }),
  });
}

/** The drops that a search has made before a round, which earlier rounds have kept. */
async function takenBefore(model: StudyModel, options: OrderOptions, round: number, runOptions: RunOptions) {
  if (round === 0) return [];
  return (await order(model, { ...options, ...await keptOnly(runOptions), upto: round })).order;
}

/** A round over candidates, each a unit; those that may not be dropped any more take no time. */
function candidateStage(model: StudyModel, text: Text, options: OrderOptions, round: number): Stage {
  const { by, target, upto, constraints } = requestOf(model, options);
  const { from } = readingFor(scores[by], target);
  const { layers } = model.spec;
  const entries = candidatesOf(model.spec, target, upto);
  const openIn = ({ from, to }: Span) => entries.slice(from, to);
  return stage({
    unit: "candidates",
    units: entries.length,
    ...byPasses(
      model,
      (span) => from.passes(model.spec, { open: openIn(span), taken: [], nll: 0 }, text.sizes),
    ),
    async run(span, runOptions) {
      const own = openIn(span);
      const taken = await takenBefore(model, options, round, runOptions);
      const open = scores[by].again ? openBeside(own, taken, layers.length, constraints) : own;
      // The first shard of the first round measures the full model; the others need no loss of it.
      const nll = round === 0 && span.from === 0 ? null : 0;
      const packed = await text.pack(runOptions);
      const ground = { model, packed, provenance: await provenance(model, packed, noDrop, runOptions) };
      await from.measure(ground, { open, taken, nll }, runOptions);
    },
  });
}

/** A round over samples: a profile of the model without the modules that earlier rounds dropped. */
function sampledStage(model: StudyModel, text: Text, options: OrderOptions, round: number): Stage {
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
