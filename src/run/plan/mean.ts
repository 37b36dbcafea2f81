/** A constant vector in the place of a module: the tensor "mean", [D]. */
import { meanSpec } from "../../models/mod.ts";
import type { ChangeKind, ChangeTo } from "./change.ts";

export const mean: ChangeKind<ChangeTo<"mean">> = {
  tensors: { mean: 1 },
  normal({ layer, module, to, tensors }, _, name) {
    if (/^[0-9a-f]{64}$/.test(tensors)) return { layer, module, to, tensors };
    throw new RangeError(`Cannot change ${name}: tensors is ${tensors}, expected a SHA-256`);
  },
  spec: () => meanSpec,
};
