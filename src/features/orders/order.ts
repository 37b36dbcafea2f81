/**
 * The order in which modules are dropped, by any of the scores and searches of `study/scores`.
 *
 * Consecutive blocks are windows of n: X is x_l, Y is x_{l+n}. Each n has a best window of its own, not nested in the next. An order
 * divides as what it measures can be: a profile by samples, losses by candidates, of a search round by round. What is measured in one
 * pass over weights or angles is one unit.
 */
import { displayable, inParts, phased, sum } from "core/entry/mod.ts";
import { type DropOrder, orderKind, orderOrigin } from "./result.ts";
import { head, isEarlier, keep, keptOr, keptResult } from "core/result/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { onModel, sizesOf, type StudyModel } from "core/subject/mod.ts";
import { provenance, type RunOptions, tellReused } from "core/study/options.ts";
import { divided, type Stage, type Step, step } from "core/study/stage.ts";
import { run, type Study } from "core/study/study.ts";
import { type Text, textOf } from "core/study/text.ts";
import { profileStudy } from "../profile/mod.ts";
import { candidatesOf, dropOfEntries, type Entry, measured, readingFor } from "./scores/score.ts";
import { scores } from "./scores/mod.ts";
import { checkOf, checkPasses, checkText, likelyFirst, removeEach } from "./check.ts";
import { constrained, isAmong, openBeside, withLast } from "./constraints.ts";
import { orderChecks, type Ordering, type OrderOptions, passesOf, removedBy, requestOf } from "./request.ts";
import { expectRoom, flopsOf, needOf } from "core/study/estimate.ts";

/**
 * Orders a model's modules, or its windows of consecutive blocks, for `makePlan`. Finished steps are kept, so an interrupted
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
    const text = textOf(model, options);
    const ordering = orderStep(model, text, options);
    return {
      ...{ model, text, label: `order of ${model.name}` },
      plans: plansIn(ordering),
      steps: [ordering],
      result: ordering.whole,
      depends: () => ({ order: requestOf(model, options) }),
    };
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

/** The stages of an order: its rounds, and the check over the first candidates of the order that its score alone gives. */
function stagesOf(ordering: Ordering): readonly Stage[] {
  const { model, model: { spec }, text, short, request } = ordering;
  const { by, target, upto, check, constraints } = request;
  const { again = false } = scores[by];
  const { from } = readingFor(scores[by], target);
  if (!from.unit) {
    const passes = () => passesOf(model, request, text.sizes).flat();
    return divided(model, { unit: "orders", units: 1, passes, run: (_, own) => ordered(ordering, own) })
      .stages;
  }
  const entries = candidatesOf(spec, target, upto);
  /** The drops that a search has made before a round, which earlier rounds have kept. */
  const takenBefore = async (round: number, options: RunOptions) =>
    round === 0 ? [] : (await ordered({ ...ordering, request: { ...request, upto: round } }, options)).order;
  /** Each candidate is a unit; those that may not be dropped any more take no time. */
  const candidates = (round: number) =>
    divided(model, {
      unit: "candidates",
      units: entries.length,
      passes: ({ from: first, to }) =>
        from.passes(spec, { open: entries.slice(first, to), taken: [], nll: 0 }, text.sizes),
      async run({ from: first, to }, options) {
        const [own, taken] = [entries.slice(first, to), await takenBefore(round, options)];
        const open = again ? openBeside(own, taken, spec.layers.length, constraints) : own;
        // The first shard of the first round measures the full model; the others need no loss of it.
        const nll = round === 0 && first === 0 ? null : 0;
        await from.measure({ model, text }, { open, taken, nll }, options);
      },
    });
  const samples = (round: number) =>
    profileStudy.step(
      model,
      text,
      [noDrop],
      async (own) => [dropOfEntries(spec, await takenBefore(round, own))],
    );
  const stepOf = from.unit === "samples" ? samples : candidates;
  const rounds = Array.from({ length: again ? upto : 1 }, (_, round) => stepOf(round).stages).flat();
  if (!check) return rounds;
  const units = removedBy(spec, request);
  const likely = likelyFirst(spec, target, units);
  const plain = { ...ordering, request: requestOf(model, { target, by, unchecked: true }) };
  const { stages: checking } = divided(model, {
    unit: "removals",
    units,
    passes: ({ from, to }) => checkPasses(spec, likely.slice(from, to), text.sizes),
    async run({ from, to }, options) {
      const all = again ? likely : (await ordered(plain, options)).order;
      await removeEach(model, short, all.slice(from, to), options, from === 0);
    },
  });
  return again ? [...checking, ...rounds] : [...rounds, ...checking];
}

/** The order as an earlier run kept it, or as it is measured and kept now. */
async function ordered(ordering: Ordering, options: RunOptions): Promise<DropOrder> {
  const { model, text, request } = ordering;
  const { target, by, upto } = request;
  const label = `${target} of ${model.name} by ${by}`;
  const at = inParts(label, { packing: 0, ordering: 1 }, options);
  const packed = await text.pack(at.packing);
  const known = { ...request, provenance: await provenance(model, packed, noDrop, options) };
  const origin = orderOrigin(known);
  const compute = () => computed(known.provenance, ordering, label, at.ordering);
  const { result, kept } = await keptOr(orderKind, origin, compute, options);
  if (kept) tellReused(options, label);
  const { order: { length } } = result;
  if (length < upto && target !== "consecutive") {
    options.onNotice?.(
      `${label}: ordered ${length} of ${upto} modules; each of the others is a neighbour of one of them`,
    );
  }
  return result;
}

async function computed(
  provenance: DropOrder["provenance"],
  { model, text, short, request }: Ordering,
  label: string,
  options: RunOptions,
): Promise<DropOrder> {
  const ground = { model, text, seed: request.seed };
  const { check: isChecked, ...asked } = request;
  const { by, target, upto, constraints } = asked;
  const { spec } = model;
  const entries = candidatesOf(spec, target, upto);
  const parts = passesOf(model, request, text.sizes);
  await expectRoom(needOf(model, parts.flat()), options);
  const [scoring, removing] = parts.map((passes) => passes.length > 0 ? flopsOf(model, passes) + 1 : 0);
  // A search is checked before it begins.
  const at = inParts(null, scores[by].again ? { removing, scoring } : { scoring, removing }, options);
  const checked = async (order: readonly Entry[]) => {
    if (!isChecked) return undefined;
    const count = removedBy(spec, request);
    return checkOf(await removeEach(model, short, order.slice(0, count), at.removing), order, count);
  };
  const made = ({ nll, order, check }: Pick<DropOrder, "nll" | "order" | "check">, upto: number) => {
    const sizes = sizesOf(spec);
    const fields = { ...asked, provenance, upto, nll, order, sizes, ...check ? { check } : {} };
    return displayable({ ...head(orderKind), ...fields }) as DropOrder;
  };
  if (!scores[by].again) {
    const round = { open: entries, taken: [], nll: null };
    const { nll, order: all } = await measured(scores[by], target, ground, round, at.scoring);
    const check = await checked(all);
    const order = constrained(withLast(all, check?.last ?? []), spec.layers.length, constraints);
    return made({ nll, order: target === "consecutive" ? order : order.slice(0, upto), check }, upto);
  }
  // A search. The order that each round reaches is kept as the result for that number of modules, so that it resumes after the last.
  const originOf = (upto: number) => orderOrigin({ ...request, provenance, upto });
  const check = await checked(entries);
  const turn = phased(null, Array.from({ length: upto }, () => 1), at.scoring);
  let result = made({ nll: null, order: [], check }, 0);
  for (let size = upto - 1; size > 0 && result.order.length === 0; size--) {
    result = await keptResult(orderKind, originOf(size), options) ?? result;
  }
  const kept = result.order.length;
  if (kept > 0 && isEarlier(result)) tellReused(options, label, `${kept} of ${upto} modules`);
  while (result.order.length < upto) {
    options.signal?.throwIfAborted();
    const { order: taken, nll: known } = result;
    const allowed = openBeside(entries, taken, spec.layers.length, constraints);
    if (allowed.length === 0) break;
    const safe = allowed.filter((entry) => !isAmong(entry, check?.last ?? []));
    const round = { open: safe.length > 0 ? safe : allowed, taken, nll: known };
    const own = turn(taken.length);
    const { nll, order: [best] } = await measured(scores[by], target, ground, round, own);
    result = await keep(orderKind, made({ nll, order: [...taken, best], check }, taken.length + 1), options);
  }
  return made(result, upto);
}
