/**
 * The study of orders: how far the first modules of an order move with the text and the length that the score is measured on, and what that
 * costs beside the drop itself.
 *
 * The first half of the held-out samples names the best and the worst order, the second half measures them: picked and measured on the same
 * samples, the worst of many orders would look worse than it is.
 */
import { displayable, list, oneOf, option, sum, wholeNumber } from "../../entry/mod.ts";
import { mean, planHash } from "../../measure/mod.ts";
import { head, type Orders, PAPER_SCORE, type Profile, type RankName, RANKS } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { aText, onModel, type StudyModel } from "../../subject/mod.ts";
import { heldOutChecks, LENGTH, SAMPLES, type StudyOptions, textOptions } from "../base/options.ts";
import { run, step, type Study } from "../base/study.ts";
import { afterReading, leakGuardOver, textOf, workOver } from "../base/text.ts";
import { makePlan } from "../orders/make_plan.ts";
import { plansIn } from "../orders/order.ts";
import { aTarget, droppable, type RankTarget, sharedFirst } from "../orders/rank.ts";
import { lossDifferences, perplexityGroups, riseIn } from "../passes/perplexity.ts";
import { profileStep } from "../passes/profile.ts";
import { keyOf } from "../scores/score.ts";
import { standIn, sweepPasses } from "./parts.ts";

/** Options of `orders`. Plans are measured over `text`, without the blocks that its own order reads. */
export interface OrdersOptions extends StudyOptions {
  /** The modules to order; default: attention and MLPs. */
  readonly targets?: readonly RankTarget[] | undefined;
  /** The scores; default: importance, alone and with outsized modules last. */
  readonly by?: readonly RankName[] | undefined;
  /** The texts that scores are measured on; default: stories, wiki, code and math. */
  readonly texts?: readonly string[] | undefined;
  /** Tokens of their blocks; default: 256 and 512. */
  readonly lengths?: readonly number[] | undefined;
  /** Number of these blocks; default: 8. */
  readonly calibrationSamples?: number | undefined;
  /** Number of modules to drop; default: a quarter. */
  readonly drop?: number | undefined;
}

const TARGETS: readonly RankTarget[] = ["attention", "mlp"];
const SCORED: readonly RankName[] = [PAPER_SCORE, "marked"];
const TEXTS = ["stories", "wiki", "code", "math"];
const LENGTHS = [LENGTH / 2, LENGTH];

/**
 * Orders the modules of a model by scores of several texts and lengths, and measures what each plan of `drop` modules costs on one held-out
 * text, paired with the full model. `lines` say how many modules all orders share, what the best order costs, and how much more the worst does.
 *
 * @example
 * ```ts
 * import { openModel, orders } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const options = { texts: ["README.md", "LICENSE"], lengths: [16, 32], text: "CHANGELOG.md", samples: 4, length: 32 };
 * const { lines } = await orders(model, options);
 * for (const { target, by, common, drop, rise, more } of lines) console.log(target, by, common, drop, rise, more);
 * ```
 */
export async function orders(model: StudyModel | string, options: OrdersOptions = {}): Promise<Orders> {
  return await run(ordersStudy, model, options);
}

export const ordersStudy: Study<StudyModel, OrdersOptions, Orders> = {
  says: "show how far orders move with text and length, and what that costs beside the drop",
  verb: "compare orders",
  checks: {
    ...heldOutChecks,
    targets: option(list(aTarget, "targets", 1), "<kinds> what to drop", TARGETS.join(",")),
    by: option(list(oneOf(RANKS), "scores", 1), "<scores> scores that rank modules", SCORED.join(",")),
    texts: option(
      list(aText, "texts", 1),
      "<files|names> texts that scores are measured on",
      TEXTS.join(","),
    ),
    lengths: option(list(wholeNumber(1), "lengths", 1), "<list> tokens of their blocks", LENGTHS.join(",")),
    calibrationSamples: option(wholeNumber(1), "<n> number of these blocks", SAMPLES),
    drop: option(wholeNumber(1), "<n> number of modules to drop", "a quarter"),
  },
  on: onModel,
  work(model, options) {
    const { targets = TARGETS, by = SCORED, texts = TEXTS, lengths = LENGTHS } = options;
    const { calibrationSamples = SAMPLES } = options;
    const { length, text, skip } = textOptions(options, heldOutChecks);
    const read = texts.includes(text) ? Math.ceil(calibrationSamples * Math.max(...lengths) / length) : 0;
    const heldOut = textOf(model, { ...options, skip: skip + read }, heldOutChecks);
    const calibrating = texts.flatMap((text) =>
      lengths.map((length) => textOf(model, { ...options, text, length, samples: calibrationSamples }))
    );
    const profiling = calibrating.map((text) => profileStep(model, text, noDrop));
    const groups = targets.flatMap((target) => by.map((by) => ({ target, by })));
    const dropOf = (target: RankTarget) => {
      const most = droppable(model.spec, { target });
      const { drop = Math.ceil(most / 4) } = options;
      if (drop <= most) return drop;
      throw new RangeError(`Cannot compare orders: drop is ${drop}, expected at most ${most} for ${target}`);
    };
    const likely = groups.flatMap(({ target }) => profiling.map((_, seed) => standIn({ target, seed })));
    const steps = targets.map(dropOf);
    const plansOf = (profiles: readonly Profile[]) =>
      groups.flatMap(({ target, by }) =>
        profiles.map((profile) => makePlan(profile, { target, by, drop: dropOf(target), unchecked: true }))
      );
    const measuring = step(sweepPasses(model.spec, heldOut.sizes, likely, steps), async (runOptions) => {
      const profiles = await Array.fromAsync(profiling, ({ whole }) => whole(runOptions));
      const plans = plansOf(profiles);
      const distinct = [...new Map(plans.map((plan) => [planHash(plan), plan])).values()];
      const [[full, ...runs]] = await perplexityGroups(model, [[noDrop, ...distinct]], runOptions, heldOut);
      const rises = new Map(distinct.map((plan, i) => [planHash(plan), lossDifferences(runs[i], full)]));
      const orders = plans.map((plan): Orders["orders"][number] => {
        const own = rises.get(planHash(plan))!;
        return {
          target: plan.target,
          by: plan.by,
          calibration: plan.provenance!,
          modules: plan.order.map(({ module, layer }) => ({ module, layer })),
          rises: own,
          ...riseIn(own),
        };
      });
      const lines = groups.map(({ target, by }) => (
        { target, by, ...lineOf(orders.filter((order) => order.target === target && order.by === by)) }
      ));
      const result: Orders = displayable({ ...head("orders"), provenance: full.provenance, lines, orders });
      const guard = await leakGuardOver(model, heldOut, [...texts, text], runOptions);
      return await guard(result, plans);
    });
    return workOver(model, heldOut, {
      label: `orders of ${model.name}`,
      plans: plansIn(measuring),
      steps: [
        ...profiling.slice(0, 1).map((first) => afterReading([heldOut, ...calibrating], first)),
        ...profiling.slice(1),
        measuring,
      ],
      result: measuring.whole,
    });
  },
};

/** How many modules the orders share, what the best costs, and how much more the worst does. */
function lineOf(orders: Orders["orders"]): Omit<Orders["lines"][number], "target" | "by"> {
  const drop = orders[0].modules.length;
  const lists = orders.map(({ modules }) => modules);
  const places = lists.map((modules) => modules.map(keyOf));
  const pairs = lists.flatMap((a, i) => lists.slice(i + 1).map((b) => sharedFirst(a, b, drop)));
  const half = Math.ceil(orders[0].rises.length / 2);
  const ranked = orders.map(({ rises }, order) => ({ order, choosing: mean(rises.slice(0, half)) }))
    .sort((a, b) => a.choosing - b.choosing);
  const [best, worst] = [ranked[0].order, ranked.at(-1)!.order];
  const [least, most] = [best, worst].map((order) => orders[order].rises.slice(half));
  return {
    drop,
    orders: orders.length,
    common: places[0].filter((place) => places.every((own) => own.includes(place))).length,
    shared: pairs.length > 0 ? sum(pairs) / pairs.length : drop,
    samples: least.length,
    ...{ best, worst },
    ...least.length > 0
      ? { rise: riseIn(least), more: riseIn(most.map((rise, i) => rise - least[i])) }
      : { rise: null, more: null },
  };
}
