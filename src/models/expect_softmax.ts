import { linearLayers, type ModelSpec } from "./spec.ts";

/** Throws `TypeError` for a model with linear attention; `what` cannot be done with it: "export NAME to ONNX". */
export function expectSoftmax(spec: Pick<ModelSpec, "layers">, what: string): void {
  const linear = linearLayers(spec);
  if (linear.length === 0) return;
  throw new TypeError(
    `Cannot ${what}: linear attention mixes the tokens in layers ${
      linear.join(" ")
    }, expected attention with keys and values in every layer`,
  );
}
