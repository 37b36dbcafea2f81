/** Repaired curves of a sweep, as far as a repair is worth it, and the stages of its plans and fits. */
import { type DropPlan, isFull, noDrop, planHash } from "core/measure/mod.ts";
import type { Sweep } from "./result.ts";
import { dropPlan } from "core/run/mod.ts";
import { RefusedRepair } from "core/run/repair/mod.ts";
import type { Pass, Size } from "core/study/estimate.ts";
import { provenance, type RunOptions } from "core/study/options.ts";
import { divided, type Step, step } from "core/study/stage.ts";
import { dependsOn, samplesOf, type Text } from "core/study/text.ts";
import { perplexityGroups } from "../losses/mod.ts";
import {
  expectBetter,
  fitBytes,
  fitPasses,
  type Fits,
  type Fresh,
  freshOf,
  madeFits,
  neededFits,
  NOTHING_HELD_OUT,
  orRefused,
  repairedBy,
  type Repairing,
  solvedIn,
} from "../repair/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";

export interface RepairedCurve {
  readonly repair: NonNullable<Sweep["curves"][number]["repair"]>;
  /** Plans in the order of the curve's; null where the repair was refused. */
  readonly plans: readonly (DropPlan | null)[];
  /** What people should know of the plans: why repairs were refused, by number of drops. */
  readonly notes: readonly { readonly at: number; readonly refused: boolean; readonly why: string }[];
}

/** What repairs of a sweep's plans follow from. */
interface Swept {
  /** Ways to repair, all fitted on one text. */
  readonly ways: readonly Repairing[];
  readonly steps: readonly number[];
  /** The plans, unit by unit, that stand in for those of the curves in the price, and their passes over a text of these sizes. */
  readonly likely: readonly (DropPlan | undefined)[];
  passes(sizes: Size): Pass[];
  /** The plans of each curve, once they are known. */
  plansOf(options: RunOptions): Promise<readonly (readonly DropPlan[])[]>;
}

/** What a sweep takes from its repairs; there is one at least. */
export function repairsOf(swept: Swept) {
  const { ways, steps, plansOf, likely } = swept;
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
    /** The fits by each way, then the losses on the samples that are held out, which tell whether a repair is better than the drop. */
    steps: [...fitting, judging],
    /** By way and curve. */
    curves: judging.whole,
    /** What the fits come from, as a field of the result. */
    origin: async (options: RunOptions) => ({
      repaired: await provenance(model, await text.pack(options), noDrop, options),
    }),
    depends: async (options: RunOptions) => ({
      repairs: {
        by: ways.map(({ by, sequential }) => ({ by, sequential })),
        text: await dependsOn(model, text, options),
      },
    }),
  };
}

/** The step that judges repaired curves by the losses on the samples that are held out; without such samples, a note says that nothing does. */
function judgeStep(swept: Swept, made: (options: RunOptions) => Promise<RepairedCurve[][]>) {
  const { ways, plansOf } = swept;
  const [{ heldOut, model, text }] = ways;
  if (heldOut === 0) {
    return step(
      [],
      async (options) =>
        (await made(options)).map((own, w) => own.map((curve) => judged(ways[w], curve, () => null))),
    );
  }
  const { samples } = text.sizes;
  const held = samplesOf(text, { from: samples - heldOut, to: samples });
  return curvesStep(model, swept, held, made, async (options) => {
    const [curves, repaired] = [await plansOf(options), await made(options)];
    const present = repaired.flat().map(({ plans }) => plans.filter((plan) => plan !== null));
    const groups = [[noDrop], ...curves, ...present];
    const naming = { label: `sweep of ${model.name}`, group: "curve" };
    const [[full], ...losses] = await perplexityGroups(model, groups, options, held, undefined, naming);
    return repaired.map((own, w) =>
      own.map((curve, c) => {
        const results = losses[curves.length * (1 + w) + c].values();
        const under = curve.plans.map((plan) => plan && results.next().value!);
        return judged(ways[w], curve, (i) => freshOf([full, losses[c][i], under[i]!]));
      })
    );
  });
}

/**
 * The step of the losses over a text, of which shards compute some: of the full model, of the curves, and of the repaired ones. A plan that an earlier unit has takes
 * no time; `likely` stand in for the plans in the price.
 */
export function curvesStep<T>(
  model: StudyModel,
  { ways, steps, likely, passes, plansOf }: Swept,
  text: Text,
  repaired: (options: RunOptions) => Promise<RepairedCurve[][]>,
  compute: (options: RunOptions) => Promise<T>,
): Step<T> {
  const inPrice = [noDrop, ...likely, ...ways.flatMap(() => likely)];
  const { stages } = divided(model, {
    unit: "plans",
    units: inPrice.length,
    passes({ from, to }) {
      const plans = inPrice.slice(from, to).filter((plan) => plan !== undefined);
      return plans.length > 0 ? [{ ...text.sizes, plans, head: true }] : [];
    },
    async run({ from, to }, options) {
      const made = (await repaired(options)).flat().map(({ plans }) => plans);
      const plans = [noDrop, ...unitsOf([...await plansOf(options), ...made], steps)];
      const lists = plans.map((plan) => plan && planHash(plan));
      const own = plans.filter((plan, unit) =>
        plan !== null && unit >= from && unit < to && lists.indexOf(lists[unit]) === unit
      );
      if (own.length > 0) await perplexityGroups(model, [own.map((plan) => plan!)], options, text);
    },
  });
  return step(passes(text.sizes), compute, stages);
}

function repairedCurve(way: Repairing, drops: readonly DropPlan[], fits: Fits): RepairedCurve {
  return settled(way, drops, [], (i) => {
    const own = solvedIn(way, drops[i], fits);
    return own ? dropPlan(way.model.spec, repairedBy(own.repair, own.solved)) : drops[i];
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
    const plan = orRefused(() => planAt(i));
    if (!(plan instanceof RefusedRepair)) return plan;
    notes.push({ at: i, refused: true, why: plan.message });
    return null;
  });
  return { repair: { by, sequential }, plans, notes };
}

/** Lists of plans as units: as many of each list as there are steps, null where it is shorter. */
function unitsOf(lists: readonly (readonly (DropPlan | null)[])[], steps: readonly number[]) {
  return lists.flatMap((plans) => steps.map((_, i) => plans[i] ?? null));
}

/** The step that makes the fits of one way to repair; plans are its units, and `likely` stand in for them in the price. */
function fitStep(
  way: Repairing,
  likely: readonly (DropPlan | undefined)[],
  plansOf: (options: RunOptions) => Promise<(DropPlan | null)[]>,
) {
  return divided<Fits>(way.model, {
    unit: "plans",
    units: likely.length,
    passes: (span) => neededFits(way, likely, span).flatMap(fitPasses),
    bytes: (span) => Math.max(0, ...neededFits(way, likely, span).map(fitBytes)),
    run: async (span, options) => await madeFits(way, neededFits(way, await plansOf(options), span), options),
  });
}
