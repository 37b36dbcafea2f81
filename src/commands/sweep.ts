/** Quality against the number of modules dropped: `lamina sweep MODEL`. */
import { phases, within } from "../entry/mod.ts";
import { Command, InvalidArgumentError, Option } from "commander";
import { type DropOrder, ORDERS, SCORES, TARGETS } from "../result/mod.ts";
import { estimateText } from "../show/mod.ts";
import {
  type Curve,
  droppable,
  type Order,
  order,
  orderEstimate,
  type OrderOptions,
  profile,
  type StudyOptions,
  sweep,
  SWEEP_STEPS,
  sweepEstimate,
  sweepShards,
  sweepSteps,
  type Target,
  together,
  weights,
} from "../study/mod.ts";
import { type Context, studyOptions, withModel } from "./context.ts";
import { explained } from "./help.ts";
import {
  type ConstraintFlags,
  constraintsIn,
  MODEL,
  type StudyFlags,
  wholeNumber,
  withConstraintFlags,
  withStudyFlags,
} from "./options.ts";
import { deliver, outputOf } from "./outlet.ts";
import { isShared } from "./sharing.ts";

/** Random orders of a sweep, from `--seed` on. */
const SEEDS = 3;

interface SweepFlags extends StudyFlags, ConstraintFlags {
  target: Target;
  by?: Order[];
  upto?: number;
  calibrationSamples: number;
  calibrationLength: number;
  calibrationText?: string;
}

export function sweepCommand(context: Context): Command {
  const command = new Command("sweep")
    .description("measure quality against the number of dropped modules, in several orders")
    .argument("<model>", MODEL)
    .addOption(new Option("--target <kind>", "what to drop").choices([...TARGETS]).default("attention"))
    .option(
      "--upto <n>",
      `drop at most this many modules (default: ${SWEEP_STEPS.at(-1)}, or all)`,
      wholeNumber(0),
    )
    .option(
      "--by <orders>",
      `orders to compare, from: ${ORDERS.join(", ")} (default: importance and baselines)`,
      ordersOf,
    )
    .option(
      "--calibration-samples <n>",
      "number of text blocks that the orders are computed from",
      wholeNumber(1),
      8,
    )
    .option("--calibration-length <t>", "tokens per calibration block", wholeNumber(2), 512)
    .option("--calibration-text <file|name>", "calibration text (default: stories)");
  explained(command, "sweep smollm2-135m --target attention --upto 8");
  return withStudyFlags(withConstraintFlags(command)).action(async (ref: string, flags: SweepFlags) => {
    await withModel(context, ref, flags, async (model) => {
      const options = studyOptions(context, flags);
      const { protectFirst, protectLast, noNeighbours } = constraintsIn(flags);
      const constraints = { protectFirst, protectLast, noNeighbours };
      const most = droppable(model.spec, flags.target, constraints);
      if (flags.upto !== undefined && flags.upto > most) {
        throw new RangeError(`Cannot drop up to ${flags.upto} of ${flags.target}: the model has ${most}`);
      }
      const steps = flags.upto === undefined ? SWEEP_STEPS : sweepSteps(flags.upto);
      const { ranked, ordered } = curvesBy(flags);
      const calibration: StudyOptions = {
        ...options,
        samples: flags.calibrationSamples,
        length: flags.calibrationLength,
        skip: 0,
        ...flags.calibrationText === undefined ? {} : { text: flags.calibrationText },
      };
      const orders = ordered.map((wanted): OrderOptions => ({
        ...calibration,
        ...constraints,
        target: wanted.target,
        by: wanted.by,
        seed: wanted.seed ?? 0,
        upto: Math.min(most, steps.at(-1)!) || 1,
      }));
      // What an order leaves out, a stand-in with the same number of drops takes.
      const standIns = ordered.map(({ target, seed }): Curve => ({
        target: target === "consecutive" ? "block" : target,
        by: "random",
        seed: seed ?? 0,
      }));
      const curves = [...ranked, ...standIns];
      if (flags.dryRun) {
        const prices = await Promise.all(orders.map((wanted) => orderEstimate(model, wanted)));
        const price = await sweepEstimate(model, curves, steps, calibration, options);
        const all = together([price, ...prices]);
        return context.print(estimateText(model.name, all.plans, all));
      }
      const divided = { calibration, ranked, orders, standIns, steps };
      if (await isShared(context, options, () => sweepShards(model, divided, options))) return;
      const [profiling, sweeping] = weights.sweep(model, curves, steps, calibration, options);
      const work = [profiling, ...orders.map((wanted) => weights.order(model, wanted)), sweeping];
      const phase = phases(null, work, options.onProgress);
      const importance = await profile(model, within(calibration, phase(0)));
      const made: DropOrder[] = [];
      for (const [i, wanted] of orders.entries()) {
        made.push(await order(model, within(wanted, phase(1 + i))));
      }
      const result = await sweep(
        model,
        importance,
        [...ranked, ...made],
        steps,
        within(options, phase(work.length - 1)),
      );
      const done = `sweep of ${model.name}`;
      await deliver(context, flags, outputOf(context, result, { done }));
    });
  });
}

/** What is swept where `--by` does not say: the paper's score, and what it is compared with. */
const SWEPT: readonly Order[] = ["importance", "magnitude", "deepest", "random"];

/** A curve that is asked for. */
interface Wish {
  readonly target: Target;
  readonly by: Order;
  readonly seed: number | null;
}

/** Curves that a profile ranks, and orders that have to be made: other measures, windows, constraints. */
function curvesBy({ target, by = [...SWEPT], seed, ...flags }: SweepFlags) {
  const { protectFirst, protectLast, noNeighbours } = constraintsIn(flags);
  const free = target !== "consecutive" && protectFirst + protectLast === 0 && !noNeighbours;
  const wanted = by.flatMap((by): Wish[] =>
    SCORES[by].seeded
      ? Array.from({ length: SEEDS }, (_, i) => ({ target, by, seed: seed + i }))
      : [{ target, by, seed: null }]
  );
  const isRanked = (curve: Wish): curve is Curve => free && (SWEPT as readonly string[]).includes(curve.by);
  return { ranked: wanted.filter(isRanked), ordered: wanted.filter((curve) => !isRanked(curve)) };
}

/** Orders by name: "importance,greedy". */
function ordersOf(text: string): Order[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !(ORDERS as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`found "${unknown.join(", ")}", expected some of: ${ORDERS.join(", ")}`);
  }
  return ORDERS.filter((name) => names.includes(name));
}
