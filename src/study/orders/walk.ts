/** The walk along an order: it is found, or its candidates are measured and taken, in one round or one for each drop. */
import { displayable, phased } from "../../entry/mod.ts";
import { type DropOrder, head, isEarlier, keep, keptOr, keptResult, orderOrigin } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { sizesOf } from "../../subject/mod.ts";
import { expectRoom, flopsOf, needOf } from "../base/estimate.ts";
import { provenance, type RunOptions, tellReused } from "../base/options.ts";
import { candidatesOf, type Entry, type Ground, measured } from "../scores/score.ts";
import { scores } from "../scores/mod.ts";
import { checkOf, removeEach } from "./check.ts";
import { constrained, isAmong, openBeside, withLast } from "./constraints.ts";
import { type Ordering, passesOf, removedBy } from "./request.ts";

/** The order as an earlier run kept it, or as it is measured and kept now. */
export async function ordered(ordering: Ordering, options: RunOptions): Promise<DropOrder> {
  const { model, text, request } = ordering;
  const { target, by, seed, upto } = request;
  const label = `${target} of ${model.name} by ${by}`;
  const at = phased(label, [0, 1], options);
  const packed = await text.pack(at(0));
  const ground = { model, packed, seed, provenance: await provenance(model, packed, noDrop, options) };
  const origin = orderOrigin({ ...request, provenance: ground.provenance });
  const compute = () => computed(ground, ordering, label, at(1));
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

async function computed(
  ground: Ground,
  { model, short, request }: Ordering,
  label: string,
  options: RunOptions,
): Promise<DropOrder> {
  const { provenance, packed } = ground;
  const { check: isChecked, ...asked } = request;
  const { by, target, upto, constraints } = asked;
  const { spec } = model;
  const entries = candidatesOf(spec, target, upto);
  const parts = passesOf(model, request, packed.blocks);
  await expectRoom(needOf(model, parts.flat()), options);
  const weights = parts.map((passes) => passes.length > 0 ? flopsOf(model, passes) + 1 : 0);
  const at = phased(null, weights, options);
  const [scoring, removing] = [at(0), at(1)];
  const checked = async (order: readonly Entry[]) => {
    if (!isChecked) return undefined;
    const count = removedBy(spec, request);
    return checkOf(await removeEach(model, short, order.slice(0, count), removing), order, count);
  };
  const made = ({ nll, order, check }: Pick<DropOrder, "nll" | "order" | "check">, upto: number) => {
    const sizes = sizesOf(spec);
    const fields = { ...asked, provenance, upto, nll, order, sizes, ...check ? { check } : {} };
    return displayable({ ...head("order"), ...fields }) as DropOrder;
  };
  if (!scores[by].again) {
    const round = { open: entries, taken: [], nll: null };
    const { nll, order: all } = await measured(scores[by], target, ground, round, scoring);
    const check = await checked(all);
    const order = constrained(withLast(all, check?.last ?? []), spec.layers.length, constraints);
    return made({ nll, order: target === "consecutive" ? order : order.slice(0, upto), check }, upto);
  }
  // A search. The order that each round reaches is kept as the result for that number of modules, so that it resumes after the last.
  const originOf = (upto: number) => orderOrigin({ ...request, provenance, upto });
  const check = await checked(entries);
  const turn = phased(null, Array.from({ length: upto }, () => 1), scoring);
  let result = made({ nll: null, order: [], check }, 0);
  for (let size = upto - 1; size > 0 && result.order.length === 0; size--) {
    result = await keptResult("order", originOf(size), options) ?? result;
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
    result = await keep(made({ nll, order: [...taken, best], check }, taken.length + 1), options);
  }
  return made(result, upto);
}
