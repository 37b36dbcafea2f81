/**
 * Orders that measure again after every drop: iterative (the least important of what is left) and greedy (what raises the
 * loss least). Each step's order is kept as the result for so many modules: a search that was ended goes on behind the last.
 */
import { phases, within } from "../../entry/mod.ts";
import { type Constraints, type DropOrder, keep, keptResult, orderOrigin } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { type StudyOptions, tellReused } from "../base/options.ts";
import { profileBlocks } from "../passes/profile.ts";
import { dropOfEntries, inOrder, type Scored } from "./candidates.ts";
import { type Entry, fits } from "./constraints.ts";
import { openLosses } from "./losses.ts";

/** What an order is known by before it is made. */
export type Request = Pick<DropOrder, "provenance" | "target" | "by" | "seed" | "upto" | "constraints">;

/** What is found. */
export type Made = Pick<DropOrder, "nll" | "order">;

/** A search, and what makes a result of what it finds. */
export interface Search {
  readonly model: StudyModel;
  readonly packed: Packed;
  readonly request: Request;
  readonly entries: readonly Entry[];
  made(found: Made, upto: number): DropOrder;
}

/** Scores of what could be dropped next; `nll` of the full model where it was asked for. */
type Measure = (
  taken: readonly Scored[],
  open: readonly Entry[],
  nll: number | null,
  options: StudyOptions,
) => Promise<{ nll: number | null; scores: readonly number[] }>;

/** Searches until as many are found as were asked for, or none is left that may be dropped. */
export async function search(found: Search, options: StudyOptions): Promise<DropOrder> {
  if (found.request.by === "iterative") return await steps(found, byImportance(found), options);
  const losses = openLosses(found.model, found.packed, "loss", options);
  try {
    return await steps(found, byLoss(found, losses), options);
  } finally {
    losses.free();
  }
}

async function steps(
  { model: { spec, name }, request, entries, made }: Search,
  measure: Measure,
  options: StudyOptions,
): Promise<DropOrder> {
  const { upto, constraints, by, target } = request;
  const phase = phases(null, Array.from({ length: upto }, () => 1), options.onProgress);
  let result = await lastKept(request, options) ?? made({ nll: null, order: [] }, 0);
  const kept = result.order.length;
  if (kept > 0) tellReused(options, `${target} of ${name} by ${by}`, `${kept} of ${upto} modules`);
  while (result.order.length < upto) {
    options.signal?.throwIfAborted();
    const { order } = result;
    const open = entries.filter((entry) => isOpen(entry, order, spec.layers.length, constraints));
    if (open.length === 0) break;
    const told = within(options, phase(order.length));
    const { nll, scores } = await measure(order, open, result.nll, told);
    const [best] = open.map((entry, i): Scored => ({ ...entry, score: scores[i] })).sort(inOrder);
    const size = order.length + 1;
    const next = made({ nll, order: [...order, best] }, size);
    result = await keep("order", orderOrigin({ ...request, upto: size }), next, options);
  }
  return made(result, upto);
}

/** Whether an entry may be dropped next. */
export function isOpen(
  entry: Entry,
  taken: readonly Entry[],
  layers: number,
  constraints: Constraints,
): boolean {
  return !taken.some(({ module, layer }) => module === entry.module && layer === entry.layer) &&
    fits(entry, taken, layers, constraints);
}

/** The order of the most modules that an earlier run has kept; null for none. */
async function lastKept(request: Request, options: StudyOptions): Promise<DropOrder | null> {
  for (let upto = request.upto - 1; upto > 0; upto--) {
    const found = await keptResult("order", orderOrigin({ ...request, upto }), options);
    if (found) return found;
  }
  return null;
}

/** Importance of what is left, measured with the drops made. A layer without one module keeps the other in the race. */
function byImportance({ model, packed, request }: Search): Measure {
  return async (taken, open, _nll, options) => {
    const provenance = { ...request.provenance, drop: copied(dropOfEntries(model.spec, taken)) };
    const profile = await profileBlocks(model, packed.blocks, provenance, model.name, options);
    return { nll: null, scores: open.map(({ module, layer }) => profile[module].importance[layer]!) };
  };
}

function copied({ attention, mlp }: ReturnType<typeof dropOfEntries>) {
  return { attention: [...attention], mlp: [...mlp] };
}

/** Rise of the loss over the full model's; all that could be dropped next is one trie. */
function byLoss({ model: { spec } }: Search, losses: ReturnType<typeof openLosses>): Measure {
  return async (taken, open, known, options) => {
    const plans = open.map((entry) => dropOfEntries(spec, [...taken, entry]));
    const measured = await losses.of(known === null ? [noDrop, ...plans] : plans, options);
    const nll = known ?? measured[0].nll;
    const own = known === null ? measured.slice(1) : measured;
    return { nll, scores: own.map((loss) => loss.nll - nll) };
  };
}
