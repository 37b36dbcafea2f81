/**
 * How much may go: tries nested plans along several lines, and answers with the largest one that keeps a promise on held-out text, or with the
 * cheapest one that saves enough.
 */
import { displayable } from "core/entry/mod.ts";
import { type LayerModule, planHash } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { type Fit, fitKind } from "./result.ts";
import { head, TYPE_ORDERS } from "core/result/mod.ts";
import { verdictOf } from "./worth.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { sizesOf, type StudyModel } from "core/subject/mod.ts";
import { tasksNamed } from "core/tasks/mod.ts";
import { halfOf, leakGuardOver, type Text, textOf } from "core/study/text.ts";
import type { Pass, Size } from "core/study/estimate.ts";
import { study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { expectChoices } from "../evaluate/mod.ts";
import { fitPasses, neededFits, type Repairing } from "../repair/mod.ts";
import { checkText, type DropOrder, keyOf, ordered, type OrderOptions, removeEach } from "../orders/mod.ts";
import { type Profile, profileIn } from "../profile/mod.ts";
import { calibrated, type Curve, likelyPlansOf } from "../sweep/mod.ts";
import { expectHeld, sizerOf } from "core/formats/mod.ts";
import { aimOf, unitOf } from "./aims.ts";
import { find, type Parts } from "./find.ts";
import { TIMING } from "./judges.ts";
import { typeLines, typePasses } from "./types/lines.ts";
import { unitsOf } from "./types/units.ts";
import {
  fitChecks,
  type FitOptions,
  type Line,
  lineOf,
  lineOfTypes,
  linesPlanned,
  removedFor,
  triesTypes,
} from "./lines.ts";

export type { FitOptions };

/** The text on which steps of types are measured: the beginning of the one that calibrates, at most so much of it. */
const RISES = { samples: 8, length: 256 };
/** Plans of a line of types that its search tries. */
const TYPED = 6;
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

/** The search itself is one piece of work, of which a rehearsal knows the passes that stand in for its own. */
export const fitStudy = study<FitOptions, Fit>({
  verb: "fit",
  label: "fit",
  checks: fitChecks,
  text: (model, options) => textOf(model, options, fitChecks),
  async run(scope, model, options) {
    const { name, spec } = model;
    const aim = aimOf(options);
    // A task that is unknown, or cannot be asked in rounds, is an error before anything runs.
    const tasks = aim.tasks?.flatMap(tasksNamed) ?? [];
    if (options.stopEarly) tasks.forEach(expectChoices);
    const { calibration, calibrating, ways } = calibrated(model, options);
    const text = textOf(model, options, fitChecks);
    const sizing = await sizerOf(model, options.format);
    if (!sizing && options.format) {
      await expectHeld(model, options.format);
      throw new RangeError(
        `Cannot fit ${name}: found format ${options.format}, which cannot hold it, expected another one`,
      );
    }
    if (aim.of === "file" && !sizing) {
      throw new RangeError(`Cannot fit ${name}: no format holds it, expected a model with files`);
    }
    const planned = linesPlanned(model, options, calibration, sizing);
    const units = triesTypes(sizing, options) ? await unitsOf(model) : null;
    if (planned.length === 0 && !units) {
      throw new RangeError(`Cannot fit ${name}: no module may be dropped, expected at least one`);
    }
    if (!aim.tasks) await scope.read(text);

    const label = `profile of ${name}`;
    const profile = options.profile ??
      await profileIn(scope, model, calibrating, noDrop, { label, title: label });
    const sources: (Profile | DropOrder)[] = [];
    for (const { order } of planned) {
      sources.push(order ? await ordered(scope, model, calibrating, order) : profile);
    }
    const removed = removedFor(spec, planned, options);
    const removals = removed.length > 0
      ? await removeEach(scope, model, checkText(model, calibration, calibrating), removed)
      : null;

    const { typesBy = TYPE_ORDERS } = options;
    const [samples, length] = (["samples", "length"] as const).map((size) =>
      Math.min(RISES[size], calibrating.sizes[size])
    );
    const measured = textOf(model, { ...calibration, samples, length });
    const pricing = units ? typePasses(units, measured, typesBy.includes("rise")) : [];
    const cost = (module: LayerModule, layer: number) =>
      sizing!.leaving.includes(module) ? removals?.costs.get(keyOf({ module, layer })) : undefined;
    const typed = units
      ? await scope.work(model, pricing, (own) => typeLines(model, units, measured, typesBy, cost, own))
      : { lines: [], rises: [] };

    const curves = planned.map(standIn);
    const parts = partsOf(text, curves, ways, model, options, units ? typesBy.length : 0, pricing.slice(1));
    const found = await scope.work(model, Object.values(parts).flat(), async (own) => {
      const lines: Line[] = [
        ...planned.map((line, i) => lineOf(line, sources[i], removals, options)),
        ...typed.lines.map((line) => lineOfTypes(model, line, sizesOf(spec), options.context)),
      ];
      using sizer = await sizing?.open() ?? null;
      const sought = await find({ model, text, aim, lines, ways, parts, sizer, removals, options }, own);
      const checks = planned.flatMap(({ target, by }, i) => {
        const { check } = lines[i];
        return check ? [{ ...check, target, by }] : [];
      });
      return {
        ...sought,
        calibration: profile.provenance,
        ...typed.rises.length > 0 ? { rises: typed.rises } : {},
        ...checks.length > 0 ? { checks } : {},
      };
    });
    const own = { ...head(fitKind), aim, unit: unitOf(aim), ...found };
    const result: Fit = displayable({ ...own, verdict: verdictOf(own) });
    if (!result.plan || aim.tasks) return result;
    const guard = await leakGuardOver(model, text, [options.text, calibration.text], scope.options);
    return await guard(result, [result.plan]);
  },
});

/** Passes that stand in for those of a search, whose numbers of drops are not known yet; `again` measures the types a second time, inside the answer. */
function partsOf(
  text: Text,
  curves: ReturnType<typeof standIn>[],
  ways: readonly Repairing[],
  { spec }: StudyModel,
  { time = true }: FitOptions,
  typed: number,
  again: readonly Pass[],
): Parts {
  const [choosing, confirming] = [halfOf(text, "choosing").sizes, halfOf(text, "confirming").sizes];
  const likely = likelyPlans(spec, curves, CHOOSING).flat();
  return {
    repairing: ways.flatMap((way) => neededFits(way, likely).flatMap(fitPasses)),
    choosing: [
      ...sweepPasses(spec, choosing, curves, CHOOSING, ways.length),
      ...typed > 0 ? [{ ...choosing, plans: [noDrop], head: true, times: TYPED * typed }, ...again] : [],
    ],
    confirming: sweepPasses(spec, confirming, curves.slice(0, 1), CONFIRMING),
    timing: time ? TIMING : [],
  };
}

/** The curve that stands for an order in the price: a random one of as many modules. */
function standIn({ target, seed }: DropOrder | OrderOptions): Curve {
  return { target: target === "consecutive" ? "block" : target, by: "random", seed: seed ?? 0 };
}

/**
 * The passes of curves over a text, and of each as often again as there are repairs: a repaired plan takes about as long as its drop.
 * The first leaves the streams that the others are compared with.
 */
function sweepPasses(
  spec: ModelSpec,
  { samples, length }: Size,
  curves: readonly Curve[],
  steps: readonly number[],
  repairs = 0,
): Pass[] {
  const [full, ...own] = likelyPlans(spec, curves, steps);
  const all = Array.from({ length: 1 + repairs }, () => own).flat();
  return [full, ...all].map((plans, i) => ({ samples, length, plans, head: true, stays: i === 0 }));
}

/** The full model and the plans of each curve, every plan once; random orders stand for those that are not known. */
function likelyPlans(spec: ModelSpec, curves: readonly Curve[], steps: readonly number[]) {
  const seen = new Set<string>();
  const unseen = (plan: DropPlan) => seen.size < seen.add(planHash(plan)).size;
  return [
    [noDrop].filter(unseen),
    ...curves.map((curve, c) => likelyPlansOf(spec, curve, steps, c).map(({ plan }) => plan).filter(unseen)),
  ].filter((plans) => plans.length > 0);
}
