/**
 * Repairs of dropped modules in closed form. `mean` puts the module's mean update over calibration tokens, a vector [D], in its place.
 *
 * Means are not sequential: all come from one pass of the full model, so that each is what the full model adds there, whatever else
 * is dropped. Sums are float64 over all tokens, the first of each sample included.
 */
import { type Checks, displayable, expect, oneOf, phases, reportsOf, within } from "../../entry/mod.ts";
import type { LayerModule } from "../../measure/mod.ts";
import { type Change, changesOf, type DropPlan, noDrop, type Plan, planOf } from "../../result/mod.ts";
import { dropPlan, keepTensors, valuesProbe } from "../../run/mod.ts";
import { onModel, type Packed, packText, type StudyModel } from "../../subject/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import { needOf } from "../estimate.ts";
import { expectRoom } from "../memory.ts";
import {
  CALIBRATION_TEXT,
  provenance,
  reporter,
  studyChecks,
  type StudyOptions,
  textOptions,
} from "../options.ts";
import { pass } from "../pass.ts";
import { aDrop, dropsIn } from "../plan.ts";

/** What can take the place of a dropped module. */
export const REPAIRS = ["mean"] as const;

/** Options of `repair`. */
export interface RepairOptions extends Omit<StudyOptions, "results"> {
  /** What takes the place of dropped modules; default: mean. */
  readonly by?: "mean" | undefined;
}

const { results: _, ...measured } = studyChecks;
const checks: Checks<RepairOptions> = { ...measured, by: oneOf(REPAIRS) };

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
 * import { openSeries, perplexities, repair } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const dropped = { attention: [2, 3] };
 * const repaired = await repair(model, dropped, { text: "README.md", samples: 2, length: 32 });
 * const [bare, mean] = await perplexities(model, [dropped, repaired], { text: "README.md", samples: 2, length: 32, skip: 2 });
 * console.log(bare.nll, mean.nll);
 * model.close();
 * ```
 */
export async function repair<From extends Plan | Partial<DropPlan>>(
  model: StudyModel | string,
  plan: From,
  options: RepairOptions = {},
): Promise<From extends Plan ? Plan : DropPlan> {
  expect("repair", "plan", plan, aDrop);
  const repaired = await onModel(
    "repair",
    model,
    options,
    checks,
    (model, options) => run(model, plan, options),
  );
  return repaired as From extends Plan ? Plan : DropPlan;
}

async function run(
  model: StudyModel,
  plan: Plan | Partial<DropPlan>,
  options: RepairOptions,
): Promise<Plan | DropPlan> {
  const drop = dropsIn(model, plan);
  const changes = changesOf(drop);
  if (!changes.some(isDrop)) {
    throw new RangeError(
      `Cannot repair ${model.name}: the plan drops nothing, expected at least one dropped module`,
    );
  }
  const { spec } = model;
  const phase = phases(`repair of ${model.name}`, [0, 1], options.onProgress);
  const text = textOptions({ samples: REPAIR_SAMPLES, ...defined(options) }, CALIBRATION_TEXT);
  const packed = await packText(model, text, within(reportsOf(options), phase(0)));
  await expectRoom(needOf(model, [{ ...packed.blocks, plans: [noDrop], head: false }]), options);
  const meanOf = await updateMeans(model, packed, within(options, phase(1)));
  const repaired = changes.map((change): Change => {
    if (!isDrop(change)) return change;
    const { layer, module } = change;
    const mean = float32([spec.hidden], Float32Array.from(meanOf(module, layer)));
    return { layer, module, to: "mean", tensors: keepTensors(new Map([["mean", mean]])) };
  });
  const made = dropPlan(spec, planOf(repaired));
  if (!("kind" in plan)) return made;
  const origin = await provenance(model, packed, noDrop, options);
  return displayable({
    ...plan,
    ...savedBy(plan, changes.filter(isDrop).length * spec.hidden),
    attention: [...made.attention],
    mlp: [...made.mlp],
    changes: [...made.changes!],
    repaired: { by: "mean", provenance: origin },
  });
}

/** The mean update [D] of every module of the full model, over all tokens. */
async function updateMeans(
  model: StudyModel,
  { blocks }: Packed,
  options: RepairOptions,
): Promise<(module: LayerModule, layer: number) => Float64Array> {
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

function defined(options: RepairOptions): RepairOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** What a plan saves, less the parameters of its repairs. */
function savedBy({ saves }: Plan, added: number): Pick<Plan, "saves"> {
  if (!saves) return {};
  const parameters = saves.parameters - added;
  return {
    saves: { ...saves, parameters, parametersShare: saves.parametersShare * parameters / saves.parameters },
  };
}
