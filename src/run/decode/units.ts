/**
 * What a model and its draft run, in order. Where memory lacks for two models, what both run alike is there once, and so are its
 * weights; but then the layers are in more programs, each of which takes its time to start.
 */
import { changedModel, changedSpec, variantOf } from "../plan/variants.ts";
import { type DropPlan, type LayerModule, MODULES } from "../../measure/mod.ts";
import { type LayerSpec, type Model, type ModelSpec, routed } from "../../models/mod.ts";
import type { Lowering } from "../../onnx/mod.ts";
import { canContinue } from "./memory.ts";
import type { Engine, Feeds, Held, RunOptions } from "../../engine/mod.ts";
import type { Programs } from "../programs.ts";

/** A layer as a plan leaves it, and its number in the model. */
export interface StepLayer {
  readonly l: number;
  readonly spec: LayerSpec;
}

/**
 * Runs a stage on new tokens: `x` and the inputs of `stepGraph` to `y`, or to `logits`; and `squares`, `head_squares` of what the
 * layers and the head watch.
 */
export type RunStage = (feeds: Feeds, options?: RunOptions) => Promise<Record<string, Held>>;

/** Some consecutive layers, or the head (no layers). */
export interface Stage {
  readonly layers: readonly StepLayer[];
  /** Whether it gives logits: of the rows of x that `rows` names. */
  readonly answers: boolean;
  /** Has the weights at hand for as long as `use` runs. */
  with<T>(use: (run: RunStage) => Promise<T>): Promise<T>;
}

export interface Open {
  readonly engine: Engine;
  readonly programs: Programs;
  readonly texts: number;
  /** Whether what is kept and not in blocks is float32, which is faster, or as it is stored. */
  readonly isWide: boolean;
}

/** Who runs something. */
export type Whose = "both" | "main" | "drafting";

/** A layer or one of its modules, or the head (null), and the model that has its weights. */
export interface Unit {
  readonly layer: StepLayer | null;
  readonly model: Model;
  readonly whose: Whose;
}

/** Units of the model alone: layers, and the head behind them. */
export function unitsAlone(model: Model, whose: Whose): Unit[] {
  const layers = model.spec.layers.flatMap((_, l) => modulesOf(model.spec, l));
  return [...layers, null].map((layer) => ({ layer, model, whose }));
}

/** Units of a model under a plan and of its draft, those that both run alike once. */
export function sharedUnits(full: Model, plan: DropPlan, draft: DropPlan): Unit[] {
  const [own, other] = [changedModel(full, plan), changedModel(full, draft)];
  const both = (layer: StepLayer | null): Unit => ({ whose: "both", model: own, layer });
  const apart = (of: (spec: ModelSpec) => StepLayer[]): Unit[] => [
    ...of(own.spec).map((layer): Unit => ({ whose: "main", model: own, layer })),
    ...of(other.spec).map((layer): Unit => ({ whose: "drafting", model: other, layer })),
  ];
  const layers = full.spec.layers.flatMap((layer, l) => {
    const areAlike = (module: LayerModule) =>
      variantOf(plan, layer, l, module).key === variantOf(draft, layer, l, module).key;
    const whole = (spec: ModelSpec) => modulesOf(spec, l);
    if (areAlike("attention") && areAlike("mlp")) return whole(own.spec).map(both);
    if (layer.residual === "parallel") return apart(whole);
    return MODULES.flatMap((module) => {
      const alone = (spec: ModelSpec) => moduleOf(spec, l, module);
      return areAlike(module) ? alone(own.spec).map(both) : apart(alone);
    });
  });
  return [...layers, both(null)];
}

/** A layer with what is left of it; where it has a mixture, its attention and the mixture by themselves. */
function modulesOf(spec: ModelSpec, l: number): StepLayer[] {
  const { attention, mlp } = spec.layers[l];
  if (!attention && !mlp) return [];
  if (!routed(mlp)) return [{ l, spec: spec.layers[l] }];
  return [...moduleOf(spec, l, "attention"), ...moduleOf(spec, l, "mlp")];
}

function moduleOf({ layers }: ModelSpec, l: number, module: LayerModule): StepLayer[] {
  if (!layers[l][module]) return [];
  const other = module === "attention" ? "mlp" : "attention";
  return [{ l, spec: { ...layers[l], [other]: null } }];
}

/** Throws `RangeError` where a draft has a memory that the model under the plan lacks. */
export function expectDraft(spec: ModelSpec, draft: DropPlan, lowering: Lowering, plan: DropPlan): void {
  const { layers } = changedSpec(spec, plan);
  for (const [l, { attention }] of changedSpec(spec, draft).layers.entries()) {
    if (!attention || canContinue(attention, layers[l].attention, lowering)) continue;
    throw new RangeError(
      `Cannot draft with attention ${l}: expected one that remembers what the model's own attention does`,
    );
  }
}
