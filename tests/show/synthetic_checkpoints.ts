/** Results of the study of training made up for tests: any steps, layers and samples, with modules left out. */
import { type Checkpoints, head } from "../../src/result/mod.ts";
import { profile, type Shape, sweep } from "./synthetic.ts";

/** Checkpoints whose importance falls by a half from each to the next. */
export function checkpoints(steps: readonly number[], shape: Shape, quality = true): Checkpoints {
  return {
    ...head("checkpoints"),
    name: "a run",
    series: steps.map((step, i) => ({
      ...profile({ ...shape, scale: (shape.scale ?? 1) * 2 ** -i }),
      step,
      quality: quality ? sweep(shape, [0, Math.floor(shape.layers / 2)]) : null,
    })),
  };
}
