/**
 * Searches, which measure again after every drop. The order that each step reaches is kept as the result for that number of
 * modules, so that an interrupted search resumes after the last.
 */
import { phases, within } from "../../entry/mod.ts";
import { type DropOrder, keep, keptResult, orderOrigin } from "../../result/mod.ts";
import type { StudyOptions } from "../options.ts";
import { type Entry, ranked } from "../scores/candidates.ts";
import { scores } from "../scores/mod.ts";
import { type Ground, measured } from "../scores/score.ts";
import { openBeside } from "./constraints.ts";
import type { Made, Request } from "./request.ts";

/** Searches until `upto` modules are found, or none is left that may be dropped. */
export async function search(
  ground: Ground,
  request: Request,
  entries: readonly Entry[],
  made: (found: Made, upto: number) => DropOrder,
  options: StudyOptions,
): Promise<DropOrder> {
  const { upto, constraints, by, target } = request;
  const { provenance, model: { name, spec: { layers } } } = ground;
  const originOf = (upto: number) => orderOrigin({ ...request, provenance, upto });
  const phase = phases(null, Array.from({ length: upto }, () => 1), options.onProgress);
  let result = made({ nll: null, order: [] }, 0);
  for (let size = upto - 1; size > 0 && result.order.length === 0; size--) {
    result = await keptResult("order", originOf(size), options) ?? result;
  }
  const kept = result.order.length;
  if (kept > 0) options.onNotice?.(`${target} of ${name} by ${by}: ${kept} kept from an earlier run`);
  while (result.order.length < upto) {
    options.signal?.throwIfAborted();
    const { order: taken, nll: known } = result;
    const open = openBeside(entries, taken, layers.length, constraints);
    if (open.length === 0) break;
    const round = { open, taken, nll: known };
    const step = within(options, phase(taken.length));
    const { nll, numbers } = await measured(scores[by].modules, ground, round, step);
    const [best] = ranked(open, numbers, scores[by]);
    const size = taken.length + 1;
    result = await keep("order", originOf(size), made({ nll, order: [...taken, best] }, size), options);
  }
  return made(result, upto);
}
