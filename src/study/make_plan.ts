/**
 * A plan: the first modules of an order, or of what a profile ranks, as many as are asked for or as a budget needs.
 *
 * Of windows of consecutive blocks, it is the best of as many blocks. A profile says nothing of the sizes of modules, and an order
 * of a search that was made without constraints cannot be constrained afterwards.
 */
import {
  type Checks,
  displayable,
  expect,
  number,
  oneOf,
  optionsOf,
  required,
  resultOf,
  wholeNumber,
} from "../entry/mod.ts";
import { type DropOrder, head, type Plan, type Profile, type Sizes, TARGETS } from "../result/mod.ts";
import { modulesOf, type Scored } from "./orders/candidates.ts";
import {
  constrained,
  constrains,
  constraintChecks,
  type ConstraintOptions,
  constraintsOf,
  fits,
} from "./orders/constraints.ts";
import { allKvBytes, kvBytesOf, parametersOf, savesOf } from "./orders/sizes.ts";
import { anOrder, aTarget, dropsOf, rank, type RankOrder, type RankTarget, type Target } from "./plan.ts";

/** Options of `makePlan`. Exactly one of `drop`, `parameters` and `kvBytes` sets the number of modules. */
export interface PlanOptions extends ConstraintOptions {
  /** The modules to choose from. Required for a profile; an order has its own target. */
  readonly target?: Target | undefined;
  /** Number of modules to drop. */
  readonly drop?: number | undefined;
  /** Drop until this many parameters are saved; a number below 1 is a share of the model's parameters. */
  readonly parameters?: number | undefined;
  /** Drop until this many bytes of keys and values are saved for one sequence; a number below 1 is a share of all bytes. */
  readonly kvBytes?: number | undefined;
  /** Tokens of that sequence; layers with a sliding window keep at most the window. Default: 2048. */
  readonly context?: number | undefined;
  /** Score that ranks the modules of a profile; default: importance. An order has its own. */
  readonly by?: RankOrder | undefined;
  /** Seed of a random order; default: 0. */
  readonly seed?: number | undefined;
}

/** The modules of a target in messages. */
const NOUNS: Readonly<Record<Target, string>> = {
  attention: "attention modules",
  mlp: "MLPs",
  block: "blocks",
  joint: "attention modules and MLPs",
  consecutive: "consecutive blocks",
};

const amount = number("a number above 0", (value) => value > 0);

const checks: Checks<PlanOptions> = {
  target: oneOf(TARGETS),
  drop: wholeNumber(0),
  parameters: amount,
  kvBytes: amount,
  context: wholeNumber(1),
  by: anOrder,
  seed: wholeNumber(0),
  ...constraintChecks,
};

const BUDGETS = ["drop", "parameters", "kvBytes"] as const;

/**
 * Makes a plan that drops the first `drop` modules of a profile's ranking or of an order, or as many of the first as reach the
 * savings. Throws `RangeError` if the modules do not suffice.
 *
 * @example
 * ```ts
 * import { makePlan, openSeries, order, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await profile(model, text);
 * const { attention } = makePlan(result, { target: "attention", drop: 3, protectLast: 1 });
 * console.log(attention); // layers whose attention is dropped
 * const windows = await order(model, { ...text, target: "consecutive", by: "angular-last" });
 * const { saves } = makePlan(windows, { parameters: 0.2 });
 * console.log(saves?.parametersShare); // a fifth or a little more
 * model.close();
 * ```
 */
export function makePlan(from: Profile | DropOrder, options: PlanOptions): Plan {
  expect("make a plan", "from", from, resultOf("profile", "order"));
  expect("make a plan", "options", options, optionsOf(checks));
  const given = BUDGETS.filter((name) => options[name] !== undefined);
  if (given.length !== 1) {
    const found = given.join(" and ") || "no number of modules and no savings";
    throw new TypeError(`Cannot make a plan: found ${found}, expected exactly one of ${BUDGETS.join(", ")}`);
  }
  return displayable(from.kind === "order" ? ofOrder(from, options) : ofProfile(from, options));
}

function ofProfile(profile: Profile, options: PlanOptions): Plan {
  const { target, by = "importance", seed = 0, drop } = options;
  if (target === "consecutive") {
    throw new RangeError(
      "Cannot plan consecutive blocks from a profile: it has no windows, expected an order, the result of `lamina order`",
    );
  }
  expect("make a plan", "target", target, required(aTarget));
  if (drop === undefined) {
    throw new RangeError(
      "Cannot plan for a budget from a profile: it has no module sizes, expected an order, the " +
        "result of `lamina order`",
    );
  }
  const { provenance } = profile;
  const { layers } = provenance.model;
  const ranked = rank(profile, target as RankTarget, by, seed).map((entry) => ({ ...entry, size: 1 }));
  const allowed = constrained(ranked, layers, constraintsOf(options));
  const entries = firstOf(allowed, drop, target!, constrains(constraintsOf(options)));
  const order = entries.map(({ size: _, ...entry }) => entry);
  return {
    ...head("plan"),
    model: provenance.model.name,
    layers,
    provenance,
    target: target!,
    by,
    seed: by === "random" ? seed : null,
    ...dropsOf(profile, order),
    order,
  };
}

function ofOrder(from: DropOrder, options: PlanOptions): Plan {
  const { by, target, sizes, provenance, seed } = from;
  for (const [name, own] of [["target", target], ["by", by], ["seed", seed]] as const) {
    if (options[name] !== undefined && options[name] !== own) {
      throw new RangeError(
        `Cannot make a plan: ${name} is ${options[name]}, expected ${own}, as in the order`,
      );
    }
  }
  const chosen = target === "consecutive" ? windowOf(from, options) : modulesFor(from, options);
  const order = chosen.flatMap(({ module, layer, size, score }) =>
    Array.from({ length: size }, (_, i) => ({ module, layer: layer + i, score }))
  );
  const drops = dropsIn(chosen, sizes);
  return {
    ...head("plan"),
    model: provenance.model.name,
    layers: provenance.model.layers,
    provenance,
    target,
    by,
    seed,
    ...drops,
    order,
    saves: savesOf(drops, sizes),
  };
}

function modulesFor(from: DropOrder, options: PlanOptions): Scored[] {
  const constraints = constraintsOf(options);
  const searched = from.by === "greedy" || from.by === "iterative";
  if (searched && constrains(constraints)) {
    throw new RangeError(
      `Cannot constrain an order by ${from.by}: each drop was chosen with the earlier ones in place, expected an order that was ` +
        "searched under the constraints",
    );
  }
  const allowed = constrained(from.order, from.provenance.model.layers, constraints);
  if (options.drop !== undefined) {
    return firstOf(
      allowed,
      options.drop,
      from.target,
      constrains(constraints) || constrains(from.constraints),
    );
  }
  const { enough, most, what } = budgetOf(from.sizes, options);
  for (let n = 0; n <= allowed.length; n++) {
    if (enough(allowed.slice(0, n))) return allowed.slice(0, n);
  }
  throw unreachable(what, `all ${allowed.length} ${NOUNS[from.target]} of the order`, most(allowed));
}

/** The best window of so many blocks, or of the fewest that save enough. */
function windowOf(from: DropOrder, options: PlanOptions): Scored[] {
  const constraints = constraintsOf(options);
  if (constraints.noNeighbours) {
    throw new RangeError(
      "Cannot plan consecutive blocks: noNeighbours is true, expected false, since the blocks are neighbours",
    );
  }
  const { target, provenance: { model: { layers } } } = from;
  const best = (size: number) =>
    from.order.find((entry) => entry.size === size && fits(entry, [], layers, constraints));
  const sizes = [...new Set(from.order.map(({ size }) => size))].filter((size) => best(size));
  const largest = Math.max(0, ...sizes);
  if (options.drop !== undefined) {
    if (options.drop === 0) return [];
    const window = best(options.drop);
    if (window) return [window];
    throw new RangeError(
      `Cannot drop ${options.drop} ${NOUNS[target]}: expected a whole number from 0 to ${largest}`,
    );
  }
  const { enough, most, what } = budgetOf(from.sizes, options);
  const found = sizes.map((size) => best(size)!).find((window) => enough([window]));
  if (found) return [found];
  throw unreachable(what, `the best window of ${largest}`, largest > 0 ? most([best(largest)!]) : "nothing");
}

/** The first entries. Throws where there are fewer. */
function firstOf<E>(allowed: readonly E[], drop: number, target: Target, constrained: boolean): E[] {
  if (drop <= allowed.length) return allowed.slice(0, drop);
  const why = constrained ? ", the number that the constraints allow" : "";
  throw new RangeError(
    `Cannot drop ${drop} ${NOUNS[target]}: expected a whole number from 0 to ${allowed.length}${why}`,
  );
}

/** What is to be saved: whether entries save enough, and what they do save. */
function budgetOf(sizes: Sizes, { parameters, kvBytes, context = 2048 }: PlanOptions) {
  const wanted = (parameters ?? kvBytes)!;
  const whole = parameters === undefined ? allKvBytes(sizes, context) : sizes.parameters;
  const saved = (entries: readonly Scored[]) => {
    const drops = dropsIn(entries, sizes);
    return parameters === undefined ? kvBytesOf(drops.attention, sizes, context) : parametersOf(drops, sizes);
  };
  const unit = parameters === undefined ? "bytes of keys and values" : "parameters";
  return {
    enough: (entries: readonly Scored[]) => saved(entries) >= (wanted < 1 ? wanted * whole : wanted),
    most: (entries: readonly Scored[]) => `${saved(entries)} of ${whole}`,
    what: wanted < 1 ? `${wanted} of the ${unit}` : `${wanted} ${unit}`,
  };
}

function unreachable(what: string, entries: string, most: string): RangeError {
  return new RangeError(`Cannot save ${what}: found ${most} in ${entries}, expected at most that`);
}

function dropsIn(entries: readonly Scored[], sizes: Sizes): { attention: number[]; mlp: number[] } {
  return modulesOf(entries, (kind, layer) => sizes[kind][layer] !== null);
}
