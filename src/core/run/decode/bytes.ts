/** The weights that a step of decoding reads, as an engine holds them: counted before they are read. */
import type { Has } from "../../engine/mod.ts";
import { float32Bytes, type Model, type ModelSpec, routed, type TensorNeed } from "../../models/mod.ts";
import type { Lowering } from "../../onnx/mod.ts";
import type { Bytes } from "../cost/work.ts";
import { type Form, formBytes, formOf, layersTensors, usualForm } from "../weights/forms.ts";
import { keptInSteps } from "../weights/part.ts";
import { headTensors } from "./leased.ts";

type Decoded = Pick<Model, "spec" | "weights">;

/** How an engine holds weights, and how much memory it has for them. */
export type Holding = Omit<Has, "bindingBytes">;

/** In which form steps hold each weight of layer l, or one outside the layers (null), where there is room for all of them. */
function stepForms({ spec, weights }: Decoded, has: Holding): (l: number | null, name: string) => Form {
  const keeps = keptInSteps(has.blocks);
  const wide = areWide(spec, has, has.memoryBytes);
  return (l, name) => {
    const stored = weights.storage(l, name);
    const isExperts = l !== null && routed(spec.layers[l].mlp) !== null && name.startsWith("mlp.");
    const isWidened = wide || isExperts || stored.dtype === "bf16" && has.bfloat16 === "widened";
    return formOf(stored, keeps, isWidened ? "f32" : stored.dtype);
  };
}

/** Bytes of the weights of steps, of which each is read once for all texts, and of keys and values. */
export function stepBytes(model: Decoded, has: Holding): Bytes {
  const form = stepForms(model, has);
  return { key: 4, weight: (l, name, shape) => formBytes(form(l, name), shape) };
}

/** Bytes of all weights that decoding holds: of the layers, the final norm and the head. Rows of the embedding are read where they lie. */
export function decodingBytes(model: Decoded, has: Holding): number {
  const { weight } = stepBytes(model, has);
  return stepTensors(model.spec).reduce((sum, { l, need: [name, shape] }) => sum + weight(l, name, shape), 0);
}

/** The form in which steps hold most numbers of the layers' matrices. */
export const stepForm = (model: Decoded, has: Holding): Form => usualForm(model.spec, stepForms(model, has));

/** Whether weights that are not in blocks are kept in float32: on the CPU, and where all of them fit the budget so. */
export function areWide(
  spec: ModelSpec,
  { constants }: Pick<Lowering, "constants">,
  budget: number,
): boolean {
  return constants === "copied" || float32Bytes(stepTensors(spec).map(({ need }) => need)) <= budget;
}

/** All tensors that stages have: those of the layers, and of the head (null). */
function stepTensors(spec: ModelSpec): { l: number | null; need: TensorNeed }[] {
  return [...layersTensors(spec), ...headTensors(spec).map((need) => ({ l: null, need }))];
}
