/**
 * A plan: the first modules of an order or of a profile's ranking, by number or until a budget is reached.
 *
 * Windows of consecutive blocks are alternatives: the plan is the best window of that many blocks. A search that was made without
 * constraints cannot be constrained afterwards.
 */
import {
  amountOf,
  amountText,
  aShare,
  displayable,
  expect,
  flag,
  type Of,
  oneOf,
  option,
  optionsOf,
  quoted,
  required,
  resultOf,
  shareOf,
  sum,
  wholeNumber,
} from "core/entry/mod.ts";
import type { LayerModule } from "core/measure/mod.ts";
import type { DropOrder } from "./result.ts";
import {
  head,
  type Last,
  PAPER_SCORE,
  type Plan,
  planData,
  planKind,
  type Target,
  TARGETS,
} from "core/result/mod.ts";
import type { Profile } from "../profile/mod.ts";
import { modulesOf, type Scored } from "./scores/score.ts";
import { scores } from "./scores/mod.ts";
import {
  allKvBytes,
  constrained,
  constrains,
  constraintChecks,
  constraintsOf,
  fits,
  outsizedAmong,
  savesOf,
  withLast,
} from "./constraints.ts";
import { anOrder, aTarget, rankedOrder, type RankTarget } from "./rank.ts";

const NOUNS: Readonly<Record<Target, string>> = {
  attention: "attention modules",
  mlp: "MLPs",
  block: "blocks",
  joint: "attention modules and MLPs",
  consecutive: "consecutive blocks",
};

const BUDGET_SHARES = { parameters: amountOf("parameters"), kvBytes: amountOf("bytes") } as const;

/** Tokens of a long sequence. */
export const CONTEXT = 8192;

/** The checks of `PlanOptions`, option by option. */
export const planChecks = {
  /** The modules to choose from. Required for a profile; an order has its own target. */
  target: option(oneOf(TARGETS), "<kind> kind of module to drop (required for a profile)"),
  /** Number of modules to drop. */
  drop: option(wholeNumber(0), "<n> number of modules to drop"),
  /** Drop until this many parameters are saved, or this share of the model's: 0.1, or "10%"; "100%" is all. */
  parameters: option(
    aShare(BUDGET_SHARES.parameters),
    "<n> drop until this many parameters are saved, or a share such as 10%",
  ),
  /** Drop until this many bytes of keys and values are saved for one sequence, or this share of all: 0.25, or "25%". */
  kvBytes: option(
    aShare(BUDGET_SHARES.kvBytes),
    "<n> drop until this many bytes of KV cache are saved, or a share such as 25%",
  ),
  /** Tokens of that sequence, and of the one whose savings the plan states; default: 8192. */
  context: option(wholeNumber(1), "<t> sequence length for `kvBytes` and the savings, in tokens", CONTEXT),
  /** Score that ranks the modules of a profile; default: importance. An order has its own. */
  by: option(anOrder, "<order> score that ranks the modules of a profile", PAPER_SCORE),
  /** Seed of a random order; default: 0. */
  seed: option(wholeNumber(0), "<n> seed of the random order", 0),
  /**
   * Whether the order of a profile is the score's alone, as in the paper. By default, outsized modules go last, which the mean over tokens
   * does not see; `order` checks by removals. Baselines are not changed.
   */
  unchecked: option(
    flag,
    "keep the order of the score alone, as the paper does; by default, outsized modules of a profile go last",
  ),
  ...constraintChecks,
};

/** Options of `makePlan`. Exactly one of `drop`, `parameters` and `kvBytes` sets the number of modules. */
export type PlanOptions = Of<typeof planChecks>;

const BUDGETS = ["drop", "parameters", "kvBytes"] as const;

/**
 * Makes a plan that drops the first `drop` modules of a profile's ranking or of an order, or as many of the first as reach the
 * savings. Throws `RangeError` if the modules do not suffice.
 *
 * @example
 * ```ts
 * import { makePlan, openModel, profile } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const { attention } = makePlan(result, { target: "attention", drop: 3, protectLast: 1 });
 * console.log(attention); // layers whose attention is dropped
 * ```
 */
export function makePlan(from: Profile | DropOrder, options: PlanOptions): Plan {
  expect("make a plan", "from", from, resultOf("profile", "order"));
  expect("make a plan", "options", options, optionsOf(planChecks));
  const amounts = BUDGETS.filter((name) => options[name] !== undefined);
  if (amounts.length !== 1) {
    const found = quoted(amounts, " and ") || "no number of modules and no savings";
    throw new TypeError(`Cannot make a plan: found ${found}, expected exactly one of ${quoted(BUDGETS)}`);
  }
  const source = from.kind === "order" ? ofOrder(from, options) : ofProfile(from, options);
  const { provenance, target, by, seed, sizes, last, has } = source;
  const chosen = choose(source, options);
  const changed = modulesOf(chosen, has);
  return displayable({
    ...head(planKind),
    model: provenance.model.name,
    layers: provenance.model.layers,
    provenance,
    target,
    by,
    seed,
    ...planData(changed),
    order: chosen.flatMap(({ module, layer, size, score }) =>
      Array.from({ length: size }, (_, i) => ({ module, layer: layer + i, score }))
    ),
    ...last.length > 0 ? { last: [...last] } : {},
    saves: savesOf(changed, sizes, options.context ?? CONTEXT),
  });
}

/** What a plan is made from: an order, or a profile's ranking. */
interface Source extends DropOrder {
  /** Its modules that go last. */
  readonly last: readonly Last[];
  has(kind: LayerModule, layer: number): boolean;
}

function ofProfile(profile: Profile, options: PlanOptions): Source {
  const { target, by = PAPER_SCORE, seed, unchecked } = options;
  if (target === "consecutive") {
    throw new RangeError(
      "Cannot plan consecutive blocks from a profile: it has no windows, expected an order, the result of `lamina order`",
    );
  }
  expect("make a plan", "target", target, required(aTarget));
  const ranked = rankedOrder(profile, { target: target as RankTarget, by, seed });
  const last = unchecked || scores[by].baseline ? [] : outsizedAmong(profile, ranked.order);
  const has = (kind: LayerModule, layer: number) => profile[kind].importance[layer] !== null;
  return { ...ranked, order: withLast(ranked.order, last), last, has };
}

function ofOrder(order: DropOrder, options: PlanOptions): Source {
  const { by, sizes } = order;
  for (const name of ["target", "by", "seed"] as const) {
    if (options[name] !== undefined && options[name] !== order[name]) {
      throw new RangeError(
        `Cannot make a plan: ${name} is ${options[name]}, expected ${order[name]}, as in the order`,
      );
    }
  }
  if (scores[by].again && constrains(constraintsOf(options))) {
    throw new RangeError(
      `Cannot constrain an order by ${by}: each drop was chosen with the earlier ones in place, expected an order that was ` +
        "searched under the constraints",
    );
  }
  if (options.unchecked && order.check) {
    throw new RangeError(
      "Cannot make a plan: unchecked is true, expected an order that was made without the check",
    );
  }
  const { layers } = order.provenance.model;
  const seen = new Set<string>();
  for (const { module, layer, size } of order.order) {
    const name = `${module} ${layer}`;
    const key = `${name} ${size}`;
    const wrong = seen.has(key)
      ? "listed twice"
      : layer + size > layers
      ? `beyond layer ${layers - 1}`
      : null;
    if (wrong) {
      throw new RangeError(`Cannot make a plan: ${name} is ${wrong}, expected each module of the model once`);
    }
    seen.add(key);
  }
  return { ...order, last: order.check?.last ?? [], has: (kind, layer) => sizes[kind][layer] !== null };
}

/** Chooses by number, or the fewest that save enough. */
function choose(source: Source, options: PlanOptions): readonly Scored[] {
  const { target, sizes, has } = source;
  const choices = choicesOf(source, options);
  const count = (chosen: readonly Scored[]) => sum(chosen, ({ size }) => size);
  const most = choices.at(-1)!;
  if (options.drop !== undefined) {
    const found = choices.find((chosen) => count(chosen) === options.drop);
    if (found) return found;
    const limited = [source.constraints, constraintsOf(options)].some(constrains);
    const why = limited && target !== "consecutive" ? ", the number that the constraints allow" : "";
    throw new RangeError(
      `Cannot drop ${options.drop} ${NOUNS[target]}: expected a whole number from 0 to ${count(most)}${why}`,
    );
  }
  const { parameters, kvBytes, context = CONTEXT } = options;
  const isParameters = parameters !== undefined;
  const amount = isParameters
    ? shareOf(parameters, BUDGET_SHARES.parameters)
    : shareOf(kvBytes!, BUDGET_SHARES.kvBytes);
  const whole = isParameters ? sizes.parameters : allKvBytes(sizes, context);
  const savedBy = (chosen: readonly Scored[]) => {
    const { parameters, kv } = savesOf(modulesOf(chosen, has), sizes, context);
    return isParameters ? parameters : kv.bytes;
  };
  const found = choices.find((chosen) => savedBy(chosen) >= (amount <= 1 ? amount * whole : amount));
  if (found) return found;
  const where = target === "consecutive"
    ? `the best window of ${count(most)}`
    : `all ${count(most)} ${NOUNS[target]} of the ranking`;
  const unit = isParameters ? "parameters" : "bytes of keys and values";
  const asked = `${amountText(amount)}${amount <= 1 ? " of the" : ""} ${unit}`;
  throw new RangeError(
    `Cannot save ${asked}: found ${savedBy(most)} of ${whole} in ${where}, expected at most that`,
  );
}

/** What a source offers: its first modules, or the best window of each size; nothing comes first. */
function choicesOf(source: Source, options: PlanOptions): (readonly Scored[])[] {
  const { target, order, provenance: { model: { layers } } } = source;
  const constraints = constraintsOf(options);
  if (target !== "consecutive") {
    const allowed = constrained(order, layers, constraints);
    return Array.from({ length: allowed.length + 1 }, (_, n) => allowed.slice(0, n));
  }
  if (constraints.noNeighbours) {
    throw new RangeError(
      "Cannot plan consecutive blocks: noNeighbours is true, expected false, since the blocks are neighbours",
    );
  }
  const allowed = order.filter((entry) => fits(entry, [], layers, constraints));
  return [[], ...Map.groupBy(allowed, ({ size }) => size).values().map(([first]) => [first])];
}
