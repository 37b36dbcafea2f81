/** A model in blocks that keeps in mind what of it was handed out as it is stored. */
import type { Model } from "core/models/mod.ts";
import type { BlockMatrix } from "core/tensor/mod.ts";
import type { Lease } from "core/weights/mod.ts";
import { type BlockKind, quantised } from "../quantised.ts";

/** The model, and the bytes of quants and zeros that were handed out of layers and of the head. */
export function givingBlocks(model: Model, kind: BlockKind): { model: Model; bytes(): number } {
  const { weights, ...rest } = quantised(model, kind);
  let bytes = 0;
  function seen(matrix: BlockMatrix): void {
    bytes += matrix.quants.byteLength + (typeof matrix.zeros === "number" ? 0 : matrix.zeros.byteLength);
  }
  function lent(lease: Lease): Lease {
    lease.blocks?.forEach(seen);
    return lease;
  }
  return {
    model: {
      ...rest,
      weights: {
        ...weights,
        layer: async (l, keeps) => lent(await weights.layer(l, keeps)),
        part: async (l, cuts, keeps) => lent(await weights.part(l, cuts, keeps)),
        async outerBlocks(name, keeps) {
          const matrix = await weights.outerBlocks!(name, keeps);
          if (matrix) seen(matrix);
          return matrix;
        },
      },
    },
    bytes: () => bytes,
  };
}
