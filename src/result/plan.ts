/**
 * A plan: changes of a model's modules. Plain data with one normal form (`run/plan`) and one identity, its hash.
 *
 * Dropped modules are lists of layers, so that plans which only drop keep the form and the keys that they always had. All other
 * changes stand in `changes`, by layer, attention before the MLP; the list is absent where it would be empty. Tensors of a change lie
 * in a safetensors file beside the plan; the change holds their SHA-256.
 */
import { z } from "zod";
import { MODULES } from "../measure/mod.ts";
import { cacheKey } from "./key.ts";

/** Layers, 0-based, in the original numbering. */
export const indices = z.array(z.int().nonnegative());

const layer = z.int().nonnegative();
/** SHA-256 of the tensors of a change. */
const tensors = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hexadecimal digits");

/** Every change. The next kind of change is one more member. */
export const changeForm = z.discriminatedUnion("to", [
  /** The module is not run and adds nothing. */
  z.object({ layer, module: z.enum(MODULES), to: z.literal("nothing") }),
  /** The module is not run; its place is taken by a constant vector [D], the tensor "mean". */
  z.object({ layer, module: z.enum(MODULES), to: z.literal("mean"), tensors }),
  /** The module runs with other weights: nothing of these query heads reaches its output projection. */
  z.object({ layer, module: z.literal("attention"), to: z.literal("weights"), heads: indices.min(1) }),
]);

/** What a module can be changed to. */
export const CHANGES = changeForm.options.map((option) => option.shape.to.value);

/** Modules that are dropped, and changes of others; absent if there are none. */
export const dropForm = z.object({
  attention: indices,
  mlp: indices,
  changes: z.array(changeForm).optional(),
});

/** What a plan does to one module. */
export type Change = z.infer<typeof changeForm>;

/** The changes of a model's modules. A dropped block has its layer in both lists. */
export interface DropPlan {
  /** Layers whose attention is dropped, 0-based. */
  readonly attention: readonly number[];
  /** Layers whose MLP is dropped, 0-based. */
  readonly mlp: readonly number[];
  /** All other changes; absent if there are none. */
  readonly changes?: readonly Change[] | undefined;
}

/** The full model. */
export const noDrop: DropPlan = { attention: [], mlp: [] };

/** All changes of a plan as one list: by layer, attention before the MLP. */
export function changesOf({ attention, mlp, changes = [] }: DropPlan): Change[] {
  const dropped = ([["attention", attention], ["mlp", mlp]] as const).flatMap(([module, layers]) =>
    layers.map((layer): Change => ({ layer, module, to: "nothing" }))
  );
  return [...dropped, ...changes].sort(byPlace);
}

/** A list of changes as a plan; dropped modules go into the lists of layers. */
export function planOf(changes: readonly Change[]): DropPlan {
  const sorted = changes.toSorted(byPlace);
  const dropped = (kind: Change["module"]) =>
    sorted.flatMap(({ layer, module, to }) => module === kind && to === "nothing" ? [layer] : []);
  const others = sorted.filter(({ to }) => to !== "nothing");
  return {
    attention: dropped("attention"),
    mlp: dropped("mlp"),
    ...others.length > 0 ? { changes: others } : {},
  };
}

function byPlace(a: Change, b: Change): number {
  return a.layer - b.layer || MODULES.indexOf(a.module) - MODULES.indexOf(b.module);
}

/** Whether a plan changes nothing. */
export function isFull({ attention, mlp, changes = [] }: DropPlan): boolean {
  return attention.length + mlp.length + changes.length === 0;
}

/** The identity of a plan in normal form: 16 hexadecimal digits, equal for equal plans. */
export function planHash({ attention, mlp, changes }: DropPlan): string {
  return cacheKey("plan", { attention, mlp, ...changes ? { changes } : {} });
}

/** The identity of what a change does, wherever it is done: equal for equal changes of different layers. */
export function changeHash(change: Change): string {
  return cacheKey("change", { ...change, layer: null });
}

/** A copy of a plan, for results. */
export function planData({ attention, mlp, changes }: DropPlan): z.infer<typeof dropForm> {
  return { attention: [...attention], mlp: [...mlp], ...changes ? { changes: [...changes] } : {} };
}
