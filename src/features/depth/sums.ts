import { type Depth, depthOf, type DepthRequest } from "./result.ts";
import { summed } from "../../core/result/mod.ts";

export const depthSums = summed<DepthRequest, Pick<Depth, "samples">, Depth>({
  kind: "depth",
  known: { stride: "stride", rows: "rows", frequent: "the most frequent tokens" },
  join: (parts) => ({ samples: parts.flatMap(({ samples }) => samples) }),
  from: depthOf,
});
