/**
 * Repairs of dropped modules in closed form: one pass over a calibration text, and a linear fit for each dropped module.
 *
 * One-shot repairs are fitted on the full model's stream, each by itself. Sequential ones are fitted in order on the repaired model's
 * stream; their targets are the full model's, so that each also makes up for the loss that reaches it. Each token weighs one over its
 * squared length in the stream, since a few tokens are a thousand times as long as all others.
 */
import { expect, flag, type Of, oneOf, option, optionsOf, required, usually } from "core/entry/mod.ts";
import { type DropPlan, noDrop, REPAIRS } from "core/measure/mod.ts";
import type { Plan } from "core/result/mod.ts";
import { dropPlan } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { REPAIR_SAMPLES, studyChecks } from "core/study/options.ts";
import { aDrop, dropsIn, type OverPlan, type PlanLike } from "core/study/plan.ts";
import { standInFor, study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { samplesOf, textOf } from "core/study/text.ts";
import { perplexitiesIn, riseOver } from "../losses/mod.ts";
import { fitPasses, fitsOf, repairedBy, repairing, repairOf } from "./fits.ts";
import { expectBetter, freshOf, NOTHING_HELD_OUT, repairedPlan } from "./needed.ts";
import { fileOf, roundedBy, roundingsOf, typesIn } from "./rounding.ts";

/** The checks of `RepairOptions`, option by option. */
export const repairChecks = {
  ...usually(studyChecks, { samples: REPAIR_SAMPLES }),
  /**
   * What makes up for dropped modules. In a module's place: its mean update (`mean`, default) or a linear map of its normed input
   * (`linear`). In the MLP before it, or in sequence behind it: another output projection (`refit`).
   */
  by: option(
    oneOf(REPAIRS),
    "<repair> in a module's place, its mean update or a linear map of its input; or another output projection of the nearest MLP (refit)",
    "mean",
  ),
  /** Whether each repair is fitted on the stream of the model as repaired so far, towards the full model's; default: false. */
  sequential: option(flag, "fit each repair on the repaired model's stream, towards the full model's"),
};

/** Options of `repair`. */
export type RepairOptions = Of<typeof repairChecks>;

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

export const repairStudy = study<OverPlan<RepairOptions>, Plan | DropPlan>({
  verb: "repair",
  label: "repair",
  checks: { ...repairChecks, plan: required(aDrop) },
  text: (model, options) => textOf(model, options, repairChecks),
  plans: 1,
  async run(scope, model, { plan, by = "mean", sequential = false, ...options }) {
    const drops = dropsIn(model, plan);
    const text = textOf(model, options, repairChecks);
    const request = repairOf(repairing(model, text, by, sequential), drops);
    const { heldOut, choosing } = request;
    const roundings = roundingsOf(request, await typesIn(model));
    const solved = await scope.work(model, fitPasses(request), (own) => fitsOf(request, own));
    const repaired = () => dropPlan(model.spec, repairedBy(request, solved));
    /** A plan that follows from the fits, for which a rehearsal takes the drop. */
    const planOf = (make: () => DropPlan) => scope.likely(make, () => standInFor(drops));

    const { samples } = text.sizes;
    const naming = { label: `perplexity of ${model.name}`, group: "plans" };
    const lossesOf = async (plans: readonly DropPlan[], from: number, to: number) =>
      (await perplexitiesIn(scope, model, samplesOf(text, { from, to }), [plans], naming))[0];
    const trials = heldOut > 0 && roundings.length > 1 && choosing > 0
      ? await lossesOf(
        [drops, planOf(repaired), ...roundings.map(({ of }) => planOf(() => of(repaired()).plan))],
        samples - heldOut - choosing,
        samples - heldOut,
      )
      : null;
    const rounded = () => roundedBy(roundings, repaired(), trials);
    const last = roundings.length > 0 ? [planOf(() => rounded().plan)] : [];
    const found = heldOut > 0
      ? await lossesOf([noDrop, drops, planOf(repaired), ...last], samples - heldOut, samples)
      : null;

    const { plan: own, types } = rounded();
    const tell = (line: string) => scope.options.onNotice?.(`repair of ${model.name}: ${line}`);
    const fresh = found && freshOf([found[0], found[1], found.at(-1)!]);
    if (fresh) expectBetter(request, fresh, tell);
    else tell(NOTHING_HELD_OUT);
    if (!("kind" in plan)) return own;
    const origin = await scope.origin(model, text);
    const file = await fileOf(model, own);
    return repairedPlan(request, plan, own, solved, origin, {
      ...fresh ? { fresh } : {},
      ...types ? { rounded: { types, ...found ? riseOver(found.at(-1)!, found[2]) : {} } } : {},
      ...file ? { file } : {},
    });
  },
  depends: (model, { plan, by = "mean" }) => ({ plan: dropsIn(model, plan), by }),
  isShared: ({ sequential = false }) => !sequential,
});
