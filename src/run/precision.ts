/** Whether a model can be run in an engine's precision. */
import type { Engine } from "../engine/mod.ts";
import type { Model } from "../models/mod.ts";

/** Throws `RangeError` for int8 and a model that has no matrices in blocks: nothing of it would be computed in int8. */
export function expectPrecision(
  { name, weights }: Pick<Model, "name" | "weights">,
  { precision }: Pick<Engine, "precision">,
): void {
  if (precision !== "int8" || weights.isInBlocks) return;
  throw new RangeError(
    `Cannot run ${name}: precision is "int8" and its weights are ${weights.format}, expected matrices in blocks of 4 or ` +
      "8 bits, as in quantised GGUF files, AWQ, and GPTQ without act-order (desc_act)",
  );
}
