/**
 * Repairs of dropped modules in closed form. `mean` puts the module's mean update over calibration tokens, a vector [D], in its place.
 *
 * Means are not sequential: all come from one pass of the full model, so that each is what the full model adds there, whatever else
 * is dropped. Sums are float64 over all tokens, the first of each sample included.
 */
import {
  type Checks,
  displayable,
  expect,
  oneOf,
  optionsOf,
  phases,
  required,
  within,
} from "../../entry/mod.ts";
import {
  type Change,
  type DropPlan,
  everyChange,
  type LayerModule,
  noDrop,
  planOf,
} from "../../measure/mod.ts";
import { type Plan, planData } from "../../result/mod.ts";
import { dropPlan, keepTensors, valuesProbe } from "../../run/mod.ts";
import { onModel, type Packed, type StudyModel } from "../../subject/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import { needOf } from "../base/estimate.ts";
import { expectRoom } from "../base/memory.ts";
import { CALIBRATION_TEXT, provenance, reporter, studyChecks, type StudyOptions } from "../base/options.ts";
import { pass } from "../base/pass.ts";
import { aDrop, dropsIn } from "../base/plan.ts";
import { run, step, type Study } from "../base/study.ts";
import { textOf } from "../base/text.ts";

/** What can take the place of a dropped module. */
export const REPAIRS = ["mean"] as const;

/** Options of `repair`. */
export interface RepairOptions extends Omit<StudyOptions, "results"> {
  /** What takes the place of dropped modules; default: mean. */
  readonly by?: "mean" | undefined;
}

/** Options of `repair` as a study: its plan is one of them. */
export interface RepairedOptions extends RepairOptions {
  /** The plan to repair. */
  readonly plan: Plan | Partial<DropPlan>;
}

const { results: _, ...measured } = studyChecks;
const repairChecks: Checks<RepairOptions> = { ...measured, by: oneOf(REPAIRS) };
const checks: Checks<RepairedOptions> = { ...repairChecks, plan: required(aDrop) };

/** Samples of 512 tokens that means are measured over. */
export const REPAIR_SAMPLES = 24;

/**
 * Returns the plan with every dropped module replaced by the mean of its update over a calibration text (default: 24 × 512 tokens of
 * stories), measured in the full model's own pass. Other changes of the plan stay. Nothing of a dropped module is run. Write a plan
 * with `writePlan`, which puts the means into a file beside it. Throws `RangeError` if the plan drops nothing, `TypeError` for a plan
 * made from another model.
 *
 * @example
 * ```ts
 * import { openModel, perplexities, repair } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const dropped = { attention: [2, 3] };
 * const repaired = await repair(model, dropped, { text: "README.md", samples: 2, length: 32 });
 * const [bare, mean] = await perplexities(model, [dropped, repaired], { text: "README.md", samples: 2, length: 32, skip: 2 });
 * console.log(bare.nll, mean.nll);
 * ```
 */
export async function repair<From extends Plan | Partial<DropPlan>>(
  model: StudyModel | string,
  plan: From,
  options: RepairOptions = {},
): Promise<From extends Plan ? Plan : DropPlan> {
  expect("repair", "options", options, optionsOf(repairChecks));
  return await run(repairStudy, model, { ...options, plan }) as From extends Plan ? Plan : DropPlan;
}

/** What `repair` consists of. Nothing is kept, so it is not divided over machines. */
export const repairStudy: Study<StudyModel, RepairedOptions, Plan | DropPlan> = {
  verb: "repair",
  checks,
  on: onModel,
  work(model, { plan, ...options }) {
    const changes = everyChange(dropsIn(model, plan));
    const dropped = changes.filter(isDrop).length;
    if (dropped === 0) {
      throw new RangeError(
        `Cannot repair ${model.name}: the plan drops nothing, expected at least one dropped module`,
      );
    }
    const label = `repair of ${model.name}`;
    const text = textOf(model, { ...options, samples: options.samples ?? REPAIR_SAMPLES }, CALIBRATION_TEXT);
    const passes = [{ ...text.sizes, plans: [noDrop], head: false }];
    const measuring = step(passes, async (options) => {
      const phase = phases(label, [0, 1], options.onProgress);
      const packed = await text.pack(within(options, phase(0)));
      await expectRoom(needOf(model, passes), options);
      const meanOf = await updateMeans(model, packed, within(options, phase(1)));
      const repaired = changes.map((change) => isDrop(change) ? meanIn(change, meanOf) : change);
      const made = dropPlan(model.spec, planOf(repaired));
      if (!("kind" in plan)) return made;
      return displayable({
        ...plan,
        ...savedBy(plan, dropped * model.spec.hidden),
        ...planData(made),
        repaired: { by: "mean" as const, provenance: await provenance(model, packed, noDrop, options) },
      });
    });
    const tokens = text.sizes.samples * text.sizes.length;
    return { label, model, tokens, steps: [measuring], result: measuring.whole };
  },
};

type MeanOf = (module: LayerModule, layer: number) => Float64Array;

/** The change that puts the mean of a module in its place. */
function meanIn({ layer, module }: Change, meanOf: MeanOf): Change {
  const mean = Float32Array.from(meanOf(module, layer));
  return {
    layer,
    module,
    to: "mean",
    tensors: keepTensors(new Map([["mean", float32([mean.length], mean)]])),
  };
}

/** The mean update [D] of every module of the full model, over all tokens. */
async function updateMeans(model: StudyModel, { blocks }: Packed, options: StudyOptions): Promise<MeanOf> {
  const { layers, hidden } = model.spec;
  const sums = { attention: layers.map(zeros), mlp: layers.map(zeros) };
  function zeros() {
    return new Float64Array(hidden);
  }
  function add(sum: Float64Array, { data }: { readonly data: Float32Array }) {
    for (let i = 0; i < data.length; i++) sum[i % hidden] += data[i];
  }
  const probes = [
    valuesProbe(layers, ["a"], ({ layer, a }) => add(sums.attention[layer], a)),
    valuesProbe(layers, ["m"], ({ layer, m }) => add(sums.mlp[layer], m)),
  ];
  await pass(model, blocks, probes, options, { onProgress: reporter("layers", "modules", options) });
  const tokens = blocks.samples * blocks.length;
  return (module, layer) => sums[module][layer].map((value) => value / tokens);
}

function isDrop({ to }: Change): boolean {
  return to === "nothing";
}

/** What a plan saves, less the parameters of its repairs. */
function savedBy({ saves }: Plan, added: number): Pick<Plan, "saves"> {
  if (!saves) return {};
  const parameters = saves.parameters - added;
  return {
    saves: { ...saves, parameters, parametersShare: saves.parametersShare * parameters / saves.parameters },
  };
}
