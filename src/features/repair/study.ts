/**
 * Repairs of dropped modules in closed form: one pass over a calibration text, and a linear fit for each dropped module.
 *
 * One-shot repairs are fitted on the full model's stream, each by itself. Sequential ones are fitted in order on the repaired model's
 * stream; their targets are the full model's, so that each also makes up for the loss that reaches it. Each token weighs one over its
 * squared length in the stream, since a few tokens are a thousand times as long as all others.
 */
import { type Checks, expect, flag, oneOf, option, optionsOf, required, usually } from "core/entry/mod.ts";
import { type DropPlan, noDrop, type RepairName, REPAIRS } from "core/measure/mod.ts";
import type { Plan } from "core/result/mod.ts";
import { dropPlan } from "core/run/mod.ts";
import { onModel, type StudyModel } from "core/subject/mod.ts";
import {
  provenance,
  REPAIR_SAMPLES,
  type RunOptions,
  studyChecks,
  type StudyOptions,
} from "core/study/options.ts";
import { aDrop, dropsIn, type OverPlan, type PlanLike } from "core/study/plan.ts";
import { run, type Study } from "core/study/study.ts";
import { samplesOf, textOf } from "core/study/text.ts";
import { perplexityStudy, riseOver } from "../losses/mod.ts";
import { fitStep, repairedBy, repairing, repairOf } from "./fits.ts";
import { expectBetter, freshOf, NOTHING_HELD_OUT, repairedPlan } from "./needed.ts";
import { fileOf, roundedBy, roundingsOf, typesIn } from "./rounding.ts";

/** Options of `repair`. */
export interface RepairOptions extends StudyOptions {
  /**
   * What makes up for dropped modules. In a module's place: its mean update (`mean`, default) or a linear map of its normed input
   * (`linear`). In the MLP before it, or in sequence behind it: another output projection (`refit`).
   */
  readonly by?: RepairName | undefined;
  /** Whether each repair is fitted on the stream of the model as repaired so far, towards the full model's; default: false. */
  readonly sequential?: boolean | undefined;
}

const repairChecks: Checks<RepairOptions> = {
  ...usually(studyChecks, { samples: REPAIR_SAMPLES }),
  by: option(
    oneOf(REPAIRS),
    "<repair> in a module's place, its mean update or a linear map of its input; or another output projection of the nearest MLP (refit)",
    "mean",
  ),
  sequential: option(flag, "fit each repair on the repaired model's stream, towards the full model's"),
};

/**
 * Returns the plan with its dropped modules repaired, fitted on a calibration text (default: 24 × 512 tokens of stories). The last
 * quarter of the samples is held out and measures the repair, which must lose less than the drop there; of the others, the last quarter
 * chooses the strength of the ridge. A single sample holds nothing out, as a notice says. Other changes of the plan stay. Write a plan with `writePlan`, which puts its tensors into a file beside it.
 *
 * Matrices are rounded to what the model's own files can hold in their place, so that `exportModel` writes them in that type: the type of the
 * original's matrix, Q8_0 or F16, the smallest that adds at most a twentieth of what the repair saves, on the samples that choose the ridge. `repaired.rounded` has
 * the types and the loss that they add on those held out, `repaired.file` the bytes of the file to be written.
 *
 * Throws `RangeError` if the plan drops nothing, if the model cannot be repaired so, if there are fewer tokens, besides those held out,
 * than a fit has inputs, and for a repair that is no better than the drop; `TypeError` for a plan made from another model. Source: NBL (arXiv 2505.21077)
 * for `linear`; other published repairs were measured beside these (docs/findings.md).
 *
 * @example
 * ```ts
 * import { openModel, perplexities, repair } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const dropped = { attention: [2, 3] };
 * const text = { text: "README.md", samples: 8, length: 64 };
 * const repaired = await repair(model, dropped, { ...text, by: "linear" });
 * const [bare, linear] = await perplexities(model, [dropped, repaired], { ...text, skip: 8 });
 * console.log(bare.nll, linear.nll);
 * ```
 */
export async function repair<From extends PlanLike>(
  model: StudyModel | string,
  plan: From,
  options: RepairOptions = {},
): Promise<From extends Plan ? Plan : DropPlan> {
  expect("repair", "options", options, optionsOf(repairChecks));
  return await run(repairStudy, model, { ...options, plan }) as From extends Plan ? Plan : DropPlan;
}

/** What `repair` consists of: the fits, site by site, and the losses on the samples that are held out. */
export const repairStudy: Study<StudyModel, OverPlan<RepairOptions>, Plan | DropPlan> = {
  verb: "repair",
  isDivisible: true,
  checks: { ...repairChecks, plan: required(aDrop) },
  on: onModel,
  async work(model, { plan, by = "mean", sequential = false, ...options }) {
    const drops = dropsIn(model, plan);
    const text = textOf(model, options, repairChecks);
    const request = repairOf(repairing(model, text, by, sequential), drops);
    const { heldOut, choosing } = request;
    const fitting = fitStep(request);
    const repaired = async (options: RunOptions) => {
      const solved = await fitting.whole(options);
      return { solved, made: dropPlan(model.spec, repairedBy(request, solved)) };
    };
    const { samples } = text.sizes;
    const held = samplesOf(text, { from: samples - heldOut, to: samples });
    const roundings = roundingsOf(request, await typesIn(model));
    const trial = samplesOf(text, { from: samples - heldOut - choosing, to: samples - heldOut });
    const trials = [drops, drops, ...roundings.map(() => drops)];
    const trying = perplexityStudy.step(model, trial, trials, async (options) => {
      const { made } = await repaired(options);
      return [drops, made, ...roundings.map((rounding) => rounding.of(made).plan)];
    });
    const isChosen = roundings.length > 1 && choosing > 0;
    const rounded = async (options: RunOptions) => {
      const { made } = await repaired(options);
      return roundedBy(roundings, made, isChosen ? await trying.whole(options) : null);
    };
    const plans = [noDrop, drops, drops, ...roundings.length > 0 ? [drops] : []];
    const scoring = perplexityStudy.step(model, held, plans, async (options) => {
      const { made } = await repaired(options);
      return [noDrop, drops, made, ...roundings.length > 0 ? [(await rounded(options)).plan] : []];
    });
    return {
      ...{ model, text, label: `repair of ${model.name}` },
      steps: heldOut > 0 ? [fitting, ...isChosen ? [trying] : [], scoring] : [fitting],
      async result(options) {
        const { solved } = await repaired(options);
        const { plan: own, types } = await rounded(options);
        const tell = (line: string) => options.onNotice?.(`repair of ${model.name}: ${line}`);
        const found = heldOut > 0 ? await scoring.whole(options) : null;
        const fresh = found && freshOf([found[0], found[1], found.at(-1)!]);
        if (fresh) expectBetter(request, fresh, tell);
        else tell(NOTHING_HELD_OUT);
        if (!("kind" in plan)) return own;
        const origin = await provenance(model, await text.pack(options), noDrop, options);
        const file = await fileOf(model, own);
        return repairedPlan(request, plan, own, solved, origin, {
          ...fresh ? { fresh } : {},
          ...types ? { rounded: { types, ...found ? riseOver(found.at(-1)!, found[2]) : {} } } : {},
          ...file ? { file } : {},
        });
      },
      ...sequential ? {} : { depends: () => ({ plan: drops, by }) },
    };
  },
};
