/** How requests become segments: as trees that share what they begin with, or as whole texts where a model's layers cannot share. */
import { layersWithoutForks, type ModelSpec } from "../../models/mod.ts";
import type { ScoredRequest } from "./plant.ts";
import { packTexts, textsOf } from "./texts.ts";
import { type Packed, packTrees, treeTokens } from "./trees.ts";

export type Packing = "trees" | "texts";

/** How a model's requests are packed. */
export function packingOf(spec: ModelSpec): Packing {
  return layersWithoutForks(spec).length === 0 ? "trees" : "texts";
}

/** Requests as segments. How they are packed depends on the requests alone. */
export function packRequests(requests: readonly ScoredRequest[], packing: Packing): Packed {
  return packing === "trees" ? packTrees(requests) : packTexts(requests);
}

/** Tokens that a run of some requests takes, without padding. */
export function tokensOf(requests: readonly ScoredRequest[], packing: Packing): number {
  if (packing === "trees") return treeTokens(requests);
  return textsOf(requests).reduce((sum, { ids }) => sum + ids.length, 0);
}
