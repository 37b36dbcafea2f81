/**
 * The order in which modules are dropped, by any of the scores and searches of `study/scores`.
 *
 * Consecutive blocks are windows of n: X is x_l, Y is x_{l+n}. Each n has a best window of its own, not nested in the next. An order
 * divides as what it measures can be: a profile by samples, losses by candidates, of a search round by round. What is measured in one
 * pass over weights or angles is one unit.
 */
import { sum } from "../../entry/mod.ts";
import type { DropOrder } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { keptOnly, provenance, type RunOptions } from "../base/options.ts";
import { byPasses, type Span, type Stage, stage } from "../base/stage.ts";
import { run, type Step, step, type Study } from "../base/study.ts";
import { type Text, textOf, workOver } from "../base/text.ts";
import { questionsOf } from "../evaluate/text.ts";
import { profileStage } from "../passes/profile.ts";
import { candidatesOf, dropOfEntries, readingFor } from "../scores/score.ts";
import { scores } from "../scores/mod.ts";
import { checkPasses, checkText, likelyFirst, removeEach } from "./check.ts";
import { openBeside } from "./constraints.ts";
import {
  onOf,
  orderChecks,
  type Ordering,
  type OrderOptions,
  passesOf,
  removedBy,
  requestOf,
} from "./request.ts";
import { ordered } from "./walk.ts";

/**
 * Orders the modules of a model, or its windows of consecutive blocks, for `makePlan`. Finished steps are kept, so an interrupted
 * search resumes where it stopped. Throws `RangeError` if `upto` is more than the model has.
 *
 * @example
 * ```ts
 * import { makePlan, openModel, order } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const options = { text: "README.md", samples: 2, length: 32, target: "attention", by: "greedy", upto: 2 } as const;
 * const greedy = await order(model, options); // scores are nats per token over the full model
 * console.log(greedy.order.map(({ score }) => score), makePlan(greedy, { drop: 2 }).attention);
 * ```
 */
export async function order(model: StudyModel | string, options: OrderOptions): Promise<DropOrder> {
  return await run(orderStudy, model, options);
}

export const orderStudy: Study<StudyModel, OrderOptions, DropOrder> = {
  verb: "order modules",
  isDivisible: true,
  checks: orderChecks,
  on: onModel,
  work(model, options) {
    const on = onOf(options);
    const text = on ? questionsOf(model, on.task, on.documents) : textOf(model, options);
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
  const request = requestOf(model, options);
  const ordering = { model, text, short: checkText(model, options, text), request };
  const passes = passesOf(model, request, text.sizes).flat();
  const find = (runOptions: RunOptions) => ordered(ordering, runOptions);
  return { ...step(passes, find, stagesOf(ordering)), find };
}

function stagesOf(ordering: Ordering): Stage[] {
  const { model, text, request } = ordering;
  const { by, target, upto, check } = request;
  const { from: { unit } } = readingFor(scores[by], target);
  if (!unit) {
    const passes = () => passesOf(model, request, text.sizes).flat();
    const run = (_: Span, runOptions: RunOptions) => ordered(ordering, runOptions);
    return [stage({ unit: "orders", units: 1, ...byPasses(model, passes), run })];
  }
  const stageOf = unit === "samples" ? sampledStage : candidateStage;
  const { again = false } = scores[by];
  const scoring = Array.from({ length: again ? upto : 1 }, (_, round) => stageOf(ordering, round));
  const checking = check ? [checkStage(ordering)] : [];
  return again ? [...checking, ...scoring] : [...scoring, ...checking];
}

/** The check over candidates, each a unit: the first of the order as its score has it, which the stages before have kept. */
function checkStage(ordering: Ordering): Stage {
  const { model, text, short, request } = ordering;
  const { by, target } = request;
  const { spec } = model;
  const count = removedBy(spec, request);
  const likely = likelyFirst(spec, target, count);
  const plain = { ...ordering, request: requestOf(model, { target, by, unchecked: true }) };
  return stage({
    unit: "removals",
    units: count,
    ...byPasses(model, ({ from, to }) => checkPasses(spec, likely.slice(from, to), text.sizes)),
    async run({ from, to }, runOptions) {
      const all = scores[by].again ? likely : (await ordered(plain, await keptOnly(runOptions))).order;
      await removeEach(model, short, all.slice(from, to), runOptions, from === 0);
    },
  });
}

/** The drops that a search has made before a round, which earlier rounds have kept. */
async function takenBefore({ request, ...ordering }: Ordering, round: number, runOptions: RunOptions) {
  if (round === 0) return [];
  const before = { ...ordering, request: { ...request, upto: round } };
  return (await ordered(before, await keptOnly(runOptions))).order;
}

/** A round over candidates, each a unit; those that may not be dropped any more take no time. */
function candidateStage(ordering: Ordering, round: number): Stage {
  const { model, text, request: { by, target, upto, constraints } } = ordering;
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
      const taken = await takenBefore(ordering, round, runOptions);
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
function sampledStage(ordering: Ordering, round: number): Stage {
  const { model, text } = ordering;
  const stageOf = async (runOptions: RunOptions) => {
    const taken = await takenBefore(ordering, round, runOptions);
    return profileStage(model, text, dropOfEntries(model.spec, taken));
  };
  return {
    ...profileStage(model, text, noDrop),
    run: async (span, runOptions) => await (await stageOf(runOptions)).run(span, runOptions),
    join: async (spans, runOptions) => await (await stageOf(runOptions)).join(spans, runOptions),
  };
}
