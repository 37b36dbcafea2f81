/**
 * How much may go: tries nested plans along several lines, and answers with the largest one that keeps a promise on held-out text, or with the
 * cheapest one that saves enough.
 */
import { displayable, sum } from "../../entry/mod.ts";
import { type Fit, head, verdictOf } from "../../result/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { tasksNamed } from "../../tasks/mod.ts";
import { afterReading, halfOf, leakGuardOver, type Text, textOf, workOver } from "../base/text.ts";
import type { RunOptions } from "../base/options.ts";
import { run, type Step, step, type Study } from "../base/study.ts";
import { expectChoices } from "../evaluate/rounds.ts";
import { fitPasses, type Repairing } from "../repair/fits.ts";
import { neededFits } from "../repair/needed.ts";
import { checkPasses, checkText, removeEach } from "../orders/check.ts";
import { orderStep } from "../orders/order.ts";
import { calibrated, likelyPlans, standIn, sweepPasses } from "../sweep/parts.ts";
import { expectHeld, sizerOf } from "../../formats/mod.ts";
import { aimOf, unitOf } from "./aims.ts";
import { find, type Parts } from "./find.ts";
import { TIMING } from "./judges.ts";
import { fitChecks, type FitOptions, type Line, lineOf, linesPlanned, removedFor } from "./lines.ts";

export type { FitOptions };

/** Numbers of drops that stand in for those of a search, in the price, and those that are confirmed. */
const [CHOOSING, CONFIRMING] = [[1, 2, 4, 6], [1, 2, 4]];

/**
 * Finds the largest plan that keeps a promise: `loss` (nats per token), `perplexity` (a share), or `accuracy` (points on `tasks`), by the upper
 * end of its 95 % interval, paired with the full model. For `parameters`, `kvBytes` or `speed`, finds the cheapest plan that saves as much.
 * The first half of the samples chooses among targets, orders, numbers and repairs; the second half confirms the choice, so that a plan which
 * only got lucky in the many looks is not the answer. `plan` is null where nothing may go. Finished work is kept, so that an interrupted
 * fit resumes where it stopped. Modules that stay in a file of `format` are not tried, and bytes are those of the files that
 * `exportModel` writes.
 *
 * Throws `TypeError` unless exactly one promise is made, and `RangeError` where no module may be dropped or no plan saves as much.
 *
 * @example
 * ```ts
 * import { fit, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const text = { text: "README.md", samples: 8, length: 32 };
 * const { plan, tried, confirmed } = await fit(model, { ...text, calibration: text, loss: 0.2, time: false });
 * console.log(plan?.attention, tried.length, confirmed.at(-1)?.cost.high);
 * ```
 */
export async function fit(model: StudyModel | string, options: FitOptions): Promise<Fit> {
  return await run(fitStudy, model, options);
}

/** What `fit` consists of: a profile, the orders that have to be made, and the search with its confirmation. */
export const fitStudy: Study<StudyModel, FitOptions, Fit> = {
  verb: "fit",
  checks: fitChecks,
  on: onModel,
  async work(model, options) {
    const aim = aimOf(options);
    // A task that is unknown, or cannot be asked in rounds, is an error before anything runs.
    const tasks = aim.tasks?.flatMap(tasksNamed) ?? [];
    if (options.stopEarly) tasks.forEach(expectChoices);
    const { calibration, calibrating, profiling, ways } = calibrated(model, options);
    const text = textOf(model, options, fitChecks);
    const sizing = await sizerOf(model, options.format);
    if (!sizing && options.format) {
      await expectHeld(model, options.format);
      throw new RangeError(
        `Cannot fit ${model.name}: found format ${options.format}, which cannot hold it, expected another one`,
      );
    }
    const planned = linesPlanned(model, options, calibration, sizing);
    if (planned.length === 0) {
      throw new RangeError(`Cannot fit ${model.name}: no module may be dropped, expected at least one`);
    }
    const ordering = planned.map(({ order }) => order && orderStep(model, calibrating, order));
    const removed = removedFor(model.spec, planned, options);
    const short = checkText(model, calibration, calibrating);
    const check = async (runOptions: RunOptions) =>
      removed.length > 0 ? await removeEach(model, short, removed, runOptions) : null;
    const checking: Step<Awaited<ReturnType<typeof check>>> = {
      ...step(removed.length > 0 ? checkPasses(model.spec, removed, calibrating.sizes) : [], check),
      find: check,
    };
    const linesIn = async (runOptions: RunOptions): Promise<Line[]> => {
      const profile = await profiling.whole(runOptions);
      const sources = await Promise.all(ordering.map((own) => own?.whole(runOptions) ?? profile));
      const removals = await checking.whole(runOptions);
      return planned.map((line, i) => lineOf(line, sources[i], removals, options));
    };
    const parts = partsOf(text, planned.map(standIn), ways, model, options);
    const finding = step(Object.values(parts).flat(), async (runOptions) => {
      const [{ provenance }, lines] = [await profiling.whole(runOptions), await linesIn(runOptions)];
      using sizer = await sizing?.open() ?? null;
      const removals = await checking.whole(runOptions);
      const sought = { model, text, aim, lines, ways, parts, sizer, removals, options };
      const found = await find(sought, runOptions);
      const checks = lines.flatMap(({ target, by, check }) => check ? [{ ...check, target, by }] : []);
      return {
        ...found,
        calibration: provenance,
        ...checks.length > 0 ? { checks } : {},
      };
    });
    const orders: Step[] = ordering.filter((own) => own !== null);
    const passes = [...checking.passes, ...parts.choosing, ...parts.confirming];
    return workOver(model, text, {
      label: `fit of ${model.name}`,
      plans: sum(passes, ({ plans }) => plans.length),
      steps: [afterReading(aim.tasks ? [] : [text], profiling), ...orders, checking, finding],
      async result(runOptions) {
        const found = { ...head("fit"), aim, unit: unitOf(aim), ...await finding.whole(runOptions) };
        const result: Fit = displayable({ ...found, verdict: verdictOf(found) });
        if (!result.plan || aim.tasks) return result;
        const guard = await leakGuardOver(model, text, [options.text, calibration.text], runOptions);
        return await guard(result, [result.plan]);
      },
    });
  },
};

/** Passes that stand in for those of a search, whose numbers of drops are not known. */
function partsOf(
  text: Text,
  curves: ReturnType<typeof standIn>[],
  ways: readonly Repairing[],
  { spec }: StudyModel,
  { time = true }: FitOptions,
): Parts {
  const [choosing, confirming] = [halfOf(text, "choosing").sizes, halfOf(text, "confirming").sizes];
  const likely = likelyPlans(spec, curves, CHOOSING).flat();
  return {
    repairing: ways.flatMap((way) => neededFits(way, likely).flatMap(fitPasses)),
    choosing: sweepPasses(spec, choosing, curves, CHOOSING, ways.length),
    confirming: sweepPasses(spec, confirming, curves.slice(0, 1), CONFIRMING),
    timing: time ? TIMING : [],
  };
}
