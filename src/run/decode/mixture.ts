/** A mixture as a stage of decoding: a token's experts are read when it has chosen them, and kept while there is room. */
import { type Engine, openResidents } from "../../engine/mod.ts";
import { type Model, routed, updateGraph } from "../../models/mod.ts";
import { float32, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import type { Lease } from "../../weights/mod.ts";
import { mixtureParts } from "../weights/experts.ts";
import { keptInSteps, leased, lending, type Make } from "../weights/part.ts";
import { runMixture } from "../modules/mixture.ts";
import { runModule } from "../modules/module.ts";
import type { Programs } from "../programs.ts";
import type { RunStage, Stage, StepLayer } from "./stage.ts";

/** The mixture of a layer; it may keep `room` bytes of weights. Throws `TypeError` for another module. */
export function mixtureStage(
  model: Model,
  engine: Engine,
  programs: Programs,
  { l, spec: layer }: StepLayer,
  room: number,
): Stage & { release(): void } {
  const mixture = routed(layer.mlp);
  if (!mixture) throw new TypeError(`Cannot decode layer ${l}: expected a mixture`);
  const { hidden } = model.spec;
  const keeps = keptInSteps(engine.has.blocks);
  const make: Make = async (cuts, fedAs) =>
    leased(engine, widened(await model.weights.part(l, cuts, keeps)), fedAs);
  const residents = openResidents(null, room);
  const parts = mixtureParts(mixture, hidden, engine.has.bindingBytes, lending(residents, l, make));
  const where = { model, engine, programs, place: { layer: l, module: "mlp" } } as const;
  const extent = { samples: 1, length: -1 };
  const present = { attention: false, mlp: true };

  const run: RunStage = async ({ x }, { signal } = {}) => {
    const { sum, by } = await runMixture({ ...where, signal }, mixture, parts, { x });
    try {
      return await runModule(
        { ...where, signal, before: by },
        [parts.after],
        (programs, _, stored) =>
          programs.get(
            ["after", layer, [...stored]],
            () => updateGraph(layer, hidden, extent, present, { stored, lowering: engine.has }),
          ),
        { x, sum },
        "m",
      );
    } finally {
      sum.free();
    }
  };
  return { layers: [{ l, spec: layer }], answers: false, with: (use) => use(run), release: residents.close };
}

/** The lease's tensors in float32: for a token or two, making them anew in each run would cost more than the products. */
function widened({ tensors, ...lease }: Lease): Lease {
  const wide = ([name, tensor]: [string, Tensor]) =>
    [name, float32(tensor.shape, toFloat32(tensor))] as const;
  return { ...lease, tensors: new Map([...tensors].map(wide)) };
}
