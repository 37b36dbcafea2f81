/** A mixture as a stage of decoding: a token's experts are read when it has chosen them, and kept while there is room. */
import type { Engine } from "../engine/mod.ts";
import { isMixture, type Model, type MoeSpec, updateGraph } from "../models/mod.ts";
import { float32, type Tensor, toFloat32 } from "../tensor/mod.ts";
import type { Lease } from "../weights/mod.ts";
import { mixtureParts } from "./experts.ts";
import { runMixture } from "./mixture.ts";
import type { Make } from "./part.ts";
import { leased } from "./parts.ts";
import type { Programs } from "./programs.ts";
import type { RunStage, Stage, StepLayer } from "./stage.ts";

/** The mixture of a layer; `room` are the bytes of float32 weights that it may keep. Throws `TypeError` for another module. */
export function mixtureStage(
  model: Model,
  engine: Engine,
  programs: Programs,
  { l, spec: layer }: StepLayer,
  room: number,
): Stage & { release(): void } {
  const { mlp } = layer;
  if (!isMixture(mlp)) throw new TypeError(`Cannot decode layer ${l}: expected a mixture`);
  const { hidden } = model.spec;
  const make: Make = async (cuts) => leased(engine, widened(await model.weights.part(l, cuts)));
  const parts = mixtureParts(mlp, hidden, engine.has.bindingBytes, make, room);
  const place = { layer: l, module: "mlp" } as const;
  const extent = { samples: 1, length: -1 };
  const present = { attention: false, mlp: true };

  const run: RunStage = async ({ x }, { signal } = {}) => {
    const where = { model, engine, place, signal };
    const { sum } = await runMixture(where, programs, mlp as MoeSpec, parts, { x });
    try {
      return await parts.after.use(async (weights) => {
        const stored = new Map(Object.entries(weights).map(([name, { dtype }]) => [name, dtype]));
        const program = await programs.get(
          ["after", layer, [...stored]],
          () => updateGraph(layer, hidden, extent, present, { stored, lowering: engine.has }),
        );
        return await program.run({ ...weights, x, sum }, { signal });
      });
    } finally {
      sum.free();
    }
  };
  return { layers: [{ l, spec: layer }], with: (use) => use(run), release: parts.release };
}

/** The lease's tensors in float32: for a token or two, making them anew in each run would cost more than the products. */
function widened({ tensors, release }: Lease): Lease {
  const wide = ([name, tensor]: [string, Tensor]) =>
    [name, float32(tensor.shape, toFloat32(tensor))] as const;
  return { tensors: new Map([...tensors].map(wide)), release };
}
