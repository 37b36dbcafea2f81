/** Repaired curves of a sweep: the plans of each curve with their dropped modules repaired, as far as a repair is worth it. */
import { type DropPlan, isFull, noDrop } from "../../measure/mod.ts";
import type { Sweep } from "../../result/mod.ts";
import { dropPlan, RefusedRepair } from "../../run/mod.ts";
import type { StudyModel, TextOptions } from "../../subject/mod.ts";
import type { Pass } from "../base/estimate.ts";
import { CALIBRATION_TEXT, provenance, REPAIR_SAMPLES } from "../base/options.ts";
import type { RunOptions } from "../base/stage.ts";
import { type Step, step } from "../base/study.ts";
import { dependsOn, samplesOf, textOf } from "../base/text.ts";
import { perplexityGroups } from "../passes/perplexity.ts";
import { fitKey, repairedBy, type Repairing, repairing } from "../repair/fits.ts";
import { type Fits, repairOrNot } from "../repair/needed.ts";
import { expectBetter, type Fresh, freshOf, NOTHING_HELD_OUT } from "../repair/fresh.ts";
import { fitStep } from "./fits.ts";
import type { SweepOptions } from "./parts.ts";
import { planStage, unitsOf } from "./stages.ts";

/** A curve under one repair. */
export interface RepairedCurve {
  readonly repair: NonNullable<Sweep["curves"][number]["repair"]>;
  /** Plans in the order of the curve's; null where the repair was refused. */
  readonly plans: readonly (DropPlan | null)[];
  /** What people should know of the plans: why repairs were refused, by number of drops. */
  readonly notes: readonly { readonly at: number; readonly refused: boolean; readonly why: string }[];
}

/** The plans of each curve, once they are known. */
type CurvePlans = (options: RunOptions) => Promise<readonly (readonly DropPlan[])[]>;

/** What repairs of a sweep's plans follow from. */
interface Swept {
  /** Ways to repair, all fitted on one text. */
  readonly ways: readonly Repairing[];
  readonly steps: readonly number[];
  /** The plans, unit by unit, that stand in for those of the curves in the price, and their passes over a text of these sizes. */
  readonly likely: readonly (DropPlan | undefined)[];
  passes(sizes: Pick<Pass, "samples" | "length">): Pass[];
  readonly plansOf: CurvePlans;
}

/** The ways to repair that the options name. Without a number of samples, as many as `repair` takes. */
export function waysOf(
  model: StudyModel,
  { repair = [], sequential = false, repairSamples = REPAIR_SAMPLES }: SweepOptions,
  calibration: Partial<TextOptions>,
): Repairing[] {
  const text = textOf(model, { ...calibration, samples: repairSamples }, CALIBRATION_TEXT);
  return repair.map((by) => repairing(model, text, by, sequential));
}

/** What a sweep takes from its repairs. */
interface Repairs {
  /** The fits by each way, then the losses on the samples that are held out, which tell whether a repair is better than the drop. */
  readonly steps: readonly Step[];
  /** By way and curve. */
  curves(options: RunOptions): Promise<RepairedCurve[][]>;
  /** What the fits come from, as a field of the result. */
  origin(options: RunOptions): Promise<Pick<Sweep, "repaired">>;
  /** What they depend on. */
  depends(options: RunOptions): Promise<object>;
}

/** The repairs of a sweep. */
export function repairsOf(swept: Swept): Repairs {
  const { ways, steps, likely, plansOf } = swept;
  if (ways.length === 0) {
    return {
      steps: [],
      curves: () => Promise.resolve([]),
      origin: () => Promise.resolve({}),
      depends: () => Promise.resolve({}),
    };
  }
  const fitting = ways.map((way) =>
    fitStep(way, likely, async (options) => unitsOf(await plansOf(options), steps))
  );
  const judging = judgeStep(swept, async (options) => {
    const curves = await plansOf(options);
    const fits = await Array.fromAsync(fitting, ({ whole }) => whole(options));
    return ways.map((way, w) => curves.map((plans) => repairedCurve(way, plans, fits[w])));
  });
  const [{ model, text }] = ways;
  return {
    steps: [...fitting, judging],
    curves: judging.whole,
    origin: async (options) => ({
      repaired: await provenance(model, await text.pack(options), noDrop, options),
    }),
    depends: async (options) => ({
      repairs: {
        by: ways.map(({ by, sequential }) => ({ by, sequential })),
        text: await dependsOn(model, text, options),
      },
    }),
  };
}

/** The step that judges repaired curves by the losses on the samples that are held out; without such samples, a note says that nothing does. */
function judgeStep(
  { ways, steps, likely, plansOf, passes }: Swept,
  made: (options: RunOptions) => Promise<RepairedCurve[][]>,
): Step<RepairedCurve[][]> {
  const [{ heldOut, model, text }] = ways;
  if (heldOut === 0) {
    return step(
      [],
      async (options) =>
        (await made(options)).map((own, w) => own.map((curve) => judged(ways[w], curve, () => null))),
    );
  }
  const { samples, length } = text.sizes;
  const held = samplesOf(text, { from: samples - heldOut, to: samples });
  const stage = planStage(
    model,
    held,
    [noDrop, ...likely, ...ways.flatMap(() => likely)],
    async (options) => {
      const own = (await made(options)).flat().map(({ plans }) => plans);
      return [noDrop, ...unitsOf([...await plansOf(options), ...own], steps)];
    },
  );
  return step(passes({ samples: heldOut, length }), async (options) => {
    const [curves, repaired] = [await plansOf(options), await made(options)];
    const present = repaired.flat().map(({ plans }) => plans.filter((plan) => plan !== null));
    const [[full], ...losses] = await perplexityGroups(
      model,
      [[noDrop], ...curves, ...present],
      options,
      held,
    );
    return repaired.map((own, w) =>
      own.map((curve, c) => {
        const results = losses[curves.length * (1 + w) + c].values();
        const under = curve.plans.map((plan) => plan && results.next().value!);
        return judged(ways[w], curve, (i) => freshOf([full, losses[c][i], under[i]!]));
      })
    );
  }, [stage]);
}

function repairedCurve(way: Repairing, drops: readonly DropPlan[], fits: Fits): RepairedCurve {
  return settled(way, drops, [], (i) => {
    const repair = repairOrNot(way, drops[i]);
    if (repair === null) return drops[i];
    if (repair instanceof RefusedRepair) throw repair;
    const solved = repair.sites.flatMap((site) => fits.get(fitKey(repair, site)) ?? []);
    return dropPlan(way.model.spec, repairedBy(repair, solved));
  });
}

/** The curve without the plans that are no better than their drops; their losses are null where nothing is held out. */
function judged(way: Repairing, curve: RepairedCurve, freshAt: (i: number) => Fresh | null): RepairedCurve {
  const notes = [...curve.notes];
  return settled(way, curve.plans, notes, (i) => {
    const plan = curve.plans[i];
    if (!plan || isFull(plan)) return plan;
    const [fresh, tell] = [freshAt(i), (why: string) => notes.push({ at: i, refused: false, why })];
    if (fresh) expectBetter(way, fresh, tell);
    else tell(NOTHING_HELD_OUT);
    return plan;
  });
}

/** A curve of what comes of each place; what is refused there has no plan, and a note. */
function settled(
  { by, sequential }: Repairing,
  places: readonly unknown[],
  notes: RepairedCurve["notes"][number][],
  planAt: (i: number) => DropPlan | null,
): RepairedCurve {
  const plans = places.map((_, i) => {
    try {
      return planAt(i);
    } catch (error) {
      if (!(error instanceof RefusedRepair)) throw error;
      notes.push({ at: i, refused: true, why: error.message });
      return null;
    }
  });
  return { repair: { by, sequential }, plans, notes };
}
