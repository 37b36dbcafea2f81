/**
 * The order in which modules are dropped, by any of these:
 *
 *     importance     1 − mean cos(X, Y) (the paper); of blocks this is ShortGPT's block influence (arXiv 2403.03853)
 *     magnitude      mean |update| / |X|
 *     angular        mean arccos(cos(X, Y))/π over all tokens; angular-last over the last of each sample (Gromov et al., 2403.17887)
 *     gate-norm      size of the query-key coupling, from the weights of attention alone (2512.20636)
 *     loss, kl       rise in nats per token, and divergence, when the module alone is removed (Shortened LLaMA, 2402.02834)
 *     iterative      drop the least important, measure again with the drops made (the paper)
 *     greedy         remove what raises the loss least, and again (SLEB, 2402.09025)
 *     random, deepest   baselines, which measure nothing
 *
 * Consecutive blocks are windows of n: X is x_l, Y is x_{l+n}. Each n has a best window of its own, not nested in the next.
 */
import {
  type Checks,
  displayable,
  oneOf,
  phases,
  reportsOf,
  required,
  wholeNumber,
  within,
} from "../../entry/mod.ts";
import { type DropOrder, head, keptOr, orderOrigin, ORDERS, TARGETS } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { onModel, type Packed, packText, type StudyModel } from "../../subject/mod.ts";
import { permutation } from "../../tensor/mod.ts";
import { expectRoom } from "../base/memory.ts";
import {
  CALIBRATION_TEXT,
  provenance,
  studyChecks,
  type StudyOptions,
  tellReused,
  textOptions,
} from "../base/options.ts";
import { needOf, type Pass } from "../base/estimate.ts";
import { droppable } from "../plan.ts";
import { candidatesOf, dropOfEntries, inOrder, type Scored } from "./candidates.ts";
import {
  constrained,
  constraintChecks,
  type ConstraintOptions,
  constraintsOf,
  type Entry,
  fits,
} from "./constraints.ts";
import { scoresOf } from "./scores.ts";
import { type Made, type Request, search } from "./search.ts";
import { sizesOf } from "./sizes.ts";

/** Options of `order`. Scores and losses are measured over `text`. */
export interface OrderOptions extends StudyOptions, ConstraintOptions {
  /** The modules to order. */
  readonly target: DropOrder["target"];
  /** Score or search that orders them; default: importance. */
  readonly by?: DropOrder["by"] | undefined;
  /** Number of modules; default: all. For windows, number of blocks in the largest; default: half of the layers. */
  readonly upto?: number | undefined;
  /** Seed of a random order; default: 0. */
  readonly seed?: number | undefined;
}

/** Checks of them. */
export const orderChecks: Checks<OrderOptions> = {
  ...studyChecks,
  ...constraintChecks,
  target: required(oneOf(TARGETS)),
  by: oneOf(ORDERS),
  upto: wholeNumber(1),
  seed: wholeNumber(0),
};

/**
 * Orders the modules of a model, or its windows of consecutive blocks, for `makePlan`. Finished steps are kept, so an interrupted
 * search resumes where it stopped. Throws `RangeError` if `upto` is more than the model has.
 *
 * @example
 * ```ts
 * import { makePlan, openSeries, order } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const greedy = await order(model, { ...text, target: "attention", by: "greedy", upto: 2 });
 * console.log(greedy.order.map(({ layer, score }) => [layer, score])); // nats per token over the full model
 * console.log(makePlan(greedy, { drop: 2 }).attention);
 * model.close();
 * ```
 */
export async function order(model: StudyModel | string, options: OrderOptions): Promise<DropOrder> {
  return await onModel("order modules", model, options, orderChecks, ordered);
}

async function ordered(model: StudyModel, options: OrderOptions): Promise<DropOrder> {
  const request = requestOf(model, options);
  const label = `${request.target} of ${model.name} by ${request.by}`;
  const phase = phases(label, [0, 1], options.onProgress);
  const text = textOptions(options, CALIBRATION_TEXT);
  const packed = await packText(model, text, within(reportsOf(options), phase(0)));
  const known = { ...request, provenance: await provenance(model, packed, noDrop, options) };
  const told = within(options, phase(1));
  const compute = () => computed(model, packed, known, told);
  const { result, kept } = await keptOr("order", orderOrigin(known), compute, options);
  if (kept) tellReused(options, label);
  const { order: { length }, upto } = result;
  if (length < upto && request.target !== "consecutive") {
    options.onNotice?.(
      `${label}: ordered ${length} of ${upto} modules; each of the others is a neighbour of one of them`,
    );
  }
  return result;
}

/** What is asked for, with defaults filled in; throws where it cannot be. */
export function requestOf(
  { spec, name = "the model" }: Pick<StudyModel, "spec"> & { readonly name?: string },
  options: OrderOptions,
): Omit<Request, "provenance"> {
  const { target, by = "importance", seed = 0 } = options;
  const constraints = constraintsOf(options);
  const { layers } = spec;
  const refuse = (found: string, expected: string) => {
    throw new RangeError(`Cannot order ${target} of ${name} by ${by}: ${found}, expected ${expected}`);
  };
  if (by === "gate-norm" && target !== "attention") {
    refuse("only attention has queries and keys", "target attention");
  }
  const windows = target === "consecutive";
  if (windows && (by === "iterative" || by === "greedy")) {
    refuse("windows of n blocks do not extend those of n − 1", "another order or target block");
  }
  if (windows && constraints.noNeighbours) {
    refuse("noNeighbours is true", "false, since the blocks are neighbours");
  }
  const bare = layers.findIndex(({ attention, mlp }) => !attention && !mlp);
  if (windows && bare >= 0) refuse(`layer ${bare} has neither attention nor MLP`, "a module in every layer");
  const most = droppable(spec, target, constraints);
  if (most === 0) refuse("no module can be dropped", "at least one");
  const { upto = windows ? Math.min(most, Math.ceil(layers.length / 2)) : most } = options;
  if (upto > most) {
    refuse(`upto is ${upto}`, `at most ${most}, the number that the model and the constraints allow`);
  }
  return { target, by, seed: by === "random" ? seed : null, upto, constraints };
}

/** What the order of a request has besides the request. */
async function computed(
  model: StudyModel,
  packed: Packed,
  request: Request,
  options: StudyOptions,
): Promise<DropOrder> {
  const entries = candidatesOf(model.spec, request.target, request.upto);
  const { by, target, upto, constraints } = request;
  const layers = model.spec.layers.length;
  await expectRoom(needOf(model, passesOf(model, request, packed.blocks)), options);
  const made = ({ nll, order }: Made, upto: number): DropOrder =>
    displayable({ ...head("order"), ...request, upto, nll, order: [...order], sizes: sizesOf(model.spec) });
  if (by === "greedy" || by === "iterative") {
    return await search({ model, packed, request, entries, made }, options);
  }
  const { nll, scores } = await scoresOf(model, packed, request, entries, options);
  const scored = sorted(entries.map((entry, i) => ({ ...entry, score: scores?.[i] ?? null })), request);
  const order = constrained(scored, layers, constraints);
  return made({ nll, order: target === "consecutive" ? order : order.slice(0, upto) }, upto);
}

/** The passes of an order. The modules that a search drops on the way are not known before it runs: the deepest stand for them. */
export function passesOf(
  { spec }: Pick<StudyModel, "spec">,
  { by, target, upto, constraints }: Omit<Request, "provenance">,
  { samples, length }: Pick<Pass, "samples" | "length">,
): Pass[] {
  const size = { samples, length };
  const entries = candidatesOf(spec, target, upto);
  const plansOf = (open: readonly Entry[], taken: readonly Entry[]) =>
    open.map((entry) => dropOfEntries(spec, [...taken, entry]));
  const pass = (plans: Pass["plans"], head: boolean): Pass => ({ ...size, plans, head });
  if (by === "gate-norm" || by === "random" || by === "deepest") return [pass([], false)];
  if (by === "loss" || by === "kl") {
    const groups = [...Map.groupBy(entries, ({ size }) => size).values()];
    const full = { ...pass([noDrop], by === "loss"), stays: by === "kl" };
    return [full, ...groups.map((group) => pass(plansOf(group, []), true))];
  }
  if (by !== "greedy" && by !== "iterative") return [pass([noDrop], false)];
  const deepest = constrained(entries.toReversed(), spec.layers.length, constraints);
  const rounds = deepest.slice(0, upto).map((_, done) => {
    const taken = deepest.slice(0, done);
    const open = entries.filter((entry) =>
      !taken.includes(entry) && fits(entry, taken, spec.layers.length, constraints)
    );
    return by === "greedy" ? pass(plansOf(open, taken), true) : pass([dropOfEntries(spec, taken)], false);
  });
  return by === "greedy" ? [pass([noDrop], true), ...rounds] : rounds;
}

/** Entries by their score, or as a baseline has them. */
function sorted(entries: readonly Scored[], { by, seed }: Request): Scored[] {
  if (by === "random") {
    return permutation(entries.length, seed!).map((i) => entries[i]).sort((a, b) => a.size - b.size);
  }
  return entries.toSorted(by === "deepest" ? (a, b) => a.size - b.size || b.layer - a.layer : inOrder);
}
