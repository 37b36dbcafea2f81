/** How weights are held, known before they are read: in blocks as they are stored, or as numbers of a type; and the bytes that this takes. */
import {
  float32Bytes,
  type LayerSpec,
  layerTensors,
  type ModelSpec,
  networkTensors,
  routed,
  storedBlocks,
  type TensorNeed,
} from "../../models/mod.ts";
import type { BlockLowering } from "../../onnx/mod.ts";
import { type BlockFormat, byteSize, type DType, elements } from "../../tensor/mod.ts";
import type { KeepsBlocks, Storage } from "../../weights/mod.ts";
import { keptInPasses } from "./part.ts";

export type Form = BlockFormat | DType;

/** The form of a weight: its blocks where they are kept, else numbers. */
export function formOf({ blocks }: Pick<Storage, "blocks">, keeps: KeepsBlocks, dense: DType): Form {
  return blocks && keeps(blocks) ? blocks : dense;
}

export function layersTensors(
  { layers, hidden }: ModelSpec,
): { readonly l: number; readonly need: TensorNeed }[] {
  return layers.flatMap((layer, l) => layerTensors(layer, hidden).map((need) => ({ l, need })));
}

/** The form that most numbers of the layers' matrices have; float32 where there are none. */
export function usualForm(spec: ModelSpec, form: (l: number, name: string) => Form): Form {
  const matrices = layersTensors(spec).filter(({ need: [, shape] }) => shape.length === 2)
    .map(({ l, need: [name, shape] }) => ({ form: form(l, name), numbers: elements(shape) }));
  const counts = Map.groupBy(matrices, ({ form }) => JSON.stringify(form)).values()
    .map((own) => ({ form: own[0].form, numbers: own.reduce((sum, { numbers }) => sum + numbers, 0) }));
  const none = { form: "f32" as Form, numbers: 0 };
  return counts.reduce((most, next) => next.numbers > most.numbers ? next : most, none).form;
}

/** Bytes of a tensor in a form, with all that is fed for it. */
export function formBytes(form: Form, shape: readonly number[]): number {
  const fed = typeof form === "string"
    ? [{ dtype: form, shape }]
    : storedBlocks(shape, form).map(([, stored]) => stored);
  return fed.reduce((sum, { dtype, shape }) => sum + byteSize(dtype) * elements(shape), 0);
}

/** Which blocks of a layer passes take as they are stored: by the size of the layer, or of one of its experts. */
export function keptOfLayer(layer: LayerSpec, hidden: number, lowering: BlockLowering): KeepsBlocks {
  const experts = routed(layer.mlp);
  const unit = experts ? networkTensors("expert", experts.expert, hidden) : layerTensors(layer, hidden);
  return keptInPasses(lowering, float32Bytes(unit));
}
