/**
 * The order in which modules are dropped, by any of the scores and searches of `study/scores`.
 *
 * Consecutive blocks are windows of n: X is x_l, Y is x_{l+n}. Each n has a best window of its own, not nested in the next.
 */
import { displayable, phases, reportsOf, within } from "../../entry/mod.ts";
import {
  type DropOrder,
  head,
  keep,
  keptOr,
  keptResult,
  type OrderCheck,
  orderOrigin,
} from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { onModel, sizesOf, type StudyModel } from "../../subject/mod.ts";
import { expectRoom, flopsOf, needOf } from "../base/estimate.ts";
import { provenance, type StudyOptions, tellReused } from "../base/options.ts";
import { type Text, textOf } from "../base/text.ts";
import { candidatesOf, type Entry, type Ground, measured, ranked, readingFor } from "../scores/score.ts";
import { scores } from "../scores/mod.ts";
import { checkOf, checkText, removeEach } from "./check.ts";
import { constrained, isAmong, openBeside, withLast } from "./constraints.ts";
import {
  type Made,
  orderChecks,
  type OrderOptions,
  passesOf,
  removedBy,
  type Request,
  requestOf,
} from "./request.ts";

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
  return await onModel("order modules", model, options, orderChecks, ordered);
}

async function ordered(model: StudyModel, options: OrderOptions): Promise<DropOrder> {
  const request = requestOf(model, options);
  const { target, by, seed, upto } = request;
  const label = `${target} of ${model.name} by ${by}`;
  const phase = phases(label, [0, 1], options.onProgress);
  const text = textOf(model, options);
  const packed = await text.pack(within(reportsOf(options), phase(0)));
  const short = checkText(model, options, text);
  const ground = { model, packed, seed, provenance: await provenance(model, packed, noDrop, options) };
  const origin = orderOrigin({ ...request, provenance: ground.provenance });
  const compute = () => computed(ground, short, request, within(options, phase(1)));
  const { result, kept } = await keptOr("order", origin, compute, options);
  if (kept) tellReused(options, label);
  const { order: { length } } = result;
  if (length < upto && target !== "consecutive") {
    options.onNotice?.(
      `${label}: ordered ${length} of ${upto} modules; each of the others is a neighbour of one of them`,
    );
  }
  return result;
}

async function computed(ground: Ground, short: Text, request: Request, options: StudyOptions) {
  const { model, packed, provenance } = ground;
  const { check: _, ...asked } = request;
  const { by, target, upto, constraints } = request;
  const { spec } = model;
  const score = scores[by];
  const entries = candidatesOf(spec, target, upto);
  const parts = passesOf(model, request, packed.blocks);
  await expectRoom(needOf(model, parts.flat()), options);
  const weights = parts.map((passes) => passes.length > 0 ? flopsOf(model, passes) + 1 : 0);
  const phase = phases(null, weights, options.onProgress);
  const [scoring, removing] = [within(options, phase(0)), within(options, phase(1))];
  const count = removedBy(spec, request);
  const checked = async (order: readonly Entry[]): Promise<OrderCheck | undefined> =>
    request.check
      ? checkOf(await removeEach(model, short, order.slice(0, count), removing), order, count)
      : undefined;
  const made = ({ nll, order, check }: Made, upto: number): DropOrder =>
    displayable({
      ...head("order"),
      ...asked,
      provenance,
      upto,
      nll,
      order: [...order],
      sizes: sizesOf(spec),
      ...check ? { check } : {},
    });
  if (score.again) return await search(ground, request, entries, await checked(entries), made, scoring);
  const round = { open: entries, taken: [], nll: null };
  const { nll, numbers } = await measured(readingFor(score, target), ground, round, scoring);
  const all = ranked(entries, numbers, score);
  const check = await checked(all);
  const order = constrained(withLast(all, check?.last ?? []), spec.layers.length, constraints);
  return made({ nll, order: target === "consecutive" ? order : order.slice(0, upto), check }, upto);
}

/**
 * Searches until `upto` modules are found, or none is left that may be dropped. The order that each step reaches is kept as the
 * result for that number of modules, so that an interrupted search resumes after the last.
 */
async function search(
  ground: Ground,
  request: Request,
  entries: readonly Entry[],
  check: OrderCheck | undefined,
  made: (found: Made, upto: number) => DropOrder,
  options: StudyOptions,
): Promise<DropOrder> {
  const { upto, constraints, by, target } = request;
  const { provenance, model: { name, spec: { layers } } } = ground;
  const originOf = (upto: number) => orderOrigin({ ...request, provenance, upto });
  const phase = phases(null, Array.from({ length: upto }, () => 1), options.onProgress);
  let result = made({ nll: null, order: [], check }, 0);
  for (let size = upto - 1; size > 0 && result.order.length === 0; size--) {
    result = await keptResult("order", originOf(size), options) ?? result;
  }
  const kept = result.order.length;
  if (kept > 0) tellReused(options, `${target} of ${name} by ${by}`, `${kept} of ${upto} modules`);
  while (result.order.length < upto) {
    options.signal?.throwIfAborted();
    const { order: taken, nll: known } = result;
    const allowed = openBeside(entries, taken, layers.length, constraints);
    if (allowed.length === 0) break;
    const safe = allowed.filter((entry) => !isAmong(entry, check?.last ?? []));
    const open = safe.length > 0 ? safe : allowed;
    const round = { open, taken, nll: known };
    const step = within(options, phase(taken.length));
    const { nll, numbers } = await measured(scores[by].modules, ground, round, step);
    const [best] = ranked(open, numbers, scores[by]);
    const size = taken.length + 1;
    result = await keep(
      "order",
      originOf(size),
      made({ nll, order: [...taken, best], check }, size),
      options,
    );
  }
  return made(result, upto);
}
