/** Stages of decoding whose weights are read for each token, and what all stages read. */
import type { Engine, Feeds, Held, RunOptions } from "../../engine/mod.ts";
import {
  headGraph,
  layerTensors,
  type Model,
  type ModelSpec,
  outerTensors,
  stepGraph,
  type StoredTypes,
  type TensorNeed,
} from "../../models/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import type { KeepsBlocks, Lease } from "../../weights/mod.ts";
import { takeSquares } from "../finite.ts";
import { finalNorm, headSlices } from "../head/head.ts";
import { take, withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";
import { fedTensors, keptInSteps, storedTypes } from "../weights/part.ts";
import { buffersOf, detach } from "../weights/memory.ts";
import type { Open, Stage, StepLayer } from "./stage.ts";

/** Final norm and head; a tied head is a matrix all the same. */
export function headTensors(spec: ModelSpec): TensorNeed[] {
  return outerTensors({ ...spec, head: { ...spec.head, tied: false } }).filter(([name]) =>
    !/^(embedding|position)\./.test(name)
  );
}

/** The weights of what is left of a layer, and of nothing else: a program cannot have constants that it does not use. */
export function leaseOf(
  { model: { weights, spec } }: Open,
  { l, spec: layer }: StepLayer,
  keeps: KeepsBlocks | undefined,
): Promise<Lease> {
  if (layer.attention && layer.mlp) return weights.layer(l, keeps);
  return weights.part(l, new Map(layerTensors(layer, spec.hidden).map(([name]) => [name, null])), keeps);
}

/** The final norm and the head. */
export async function readHead({ weights, spec }: Model, keeps: KeepsBlocks): Promise<Lease> {
  const head = await weights.outerBlocks?.("head.weight", keeps) ?? null;
  const names = headTensors(spec).map(([name]) => name).filter((name) => !head || name !== "head.weight");
  const tensors = await Promise.all(names.map(async (name) => [name, await weights.outer(name)] as const));
  const blocks = new Map(head ? [["head.weight", head]] : []);
  const own = buffersOf({ tensors: new Map(), blocks });
  return { tensors: new Map(tensors), blocks, release: () => detach(own) };
}

/**
 * A layer whose weights are read for each run. Where products with blocks take a program that holds them, it would be compiled for a
 * token or two: for layers of Llama 2 7B that takes twice the time of widening them, which float32 allows.
 */
export function leasedStage(open: Open, layer: StepLayer): Stage {
  const { model, engine, programs, texts } = open;
  const isWidened = engine.has.constants === "copied" && engine.precision !== "int8";
  const keeps = isWidened ? undefined : keptInSteps(engine.has.blocks);
  return {
    layers: [layer],
    answers: false,
    async with(use) {
      const { release, ...lease } = await leaseOf(open, layer, keeps);
      try {
        const tensors = fedTensors(lease).map(([name, tensor]) => [`0.${name}`, tensor] as const);
        return await withUploaded(engine, Object.fromEntries(tensors), async (held) => {
          const stored = dtypes(held, "0.");
          const build = () =>
            stepGraph(model.spec.hidden, [layer.spec], [stored], undefined, engine.has, texts);
          if (lease.blocks?.size && engine.has.constants === "copied") {
            const { run, release } = await engine.compile(build(), held);
            try {
              return await use(run);
            } finally {
              await release();
            }
          }
          const compiled = await programs.get([layer.spec, [...stored]], build);
          return await use((feeds, options) => compiled.run({ ...feeds, ...held }, options));
        });
      } finally {
        release();
      }
    },
  };
}

/** A head whose rows are read for each run. */
export function leasedHead(model: Model, engine: Engine, programs: Programs): Stage {
  const { vocabulary } = model.spec;

  async function run({ x, rows }: Feeds, options?: RunOptions): Promise<Record<string, Held>> {
    const norm = Object.fromEntries(await finalNorm(model));
    const answers = rows.shape[0];
    const logits = new Float32Array(answers * vocabulary);
    let squares = 0;
    for (const range of headSlices(model.spec, engine.has.bindingBytes)) {
      const tensors = { ...norm, "head.weight": await model.weights.outer("head.weight", range) };
      const slice = await withUploaded(engine, tensors, async (held) => {
        const stored = storedTypes(held);
        const compiled = await programs.get(
          ["head", [...stored]],
          () => headGraph(model.spec, stored, engine.has),
        );
        return await compiled.run({ x, rows, ...held }, options);
      });
      const own = (await take(engine, slice.logits)).data as Float32Array;
      const words = range[1] - range[0];
      for (let row = 0; row < answers; row++) {
        logits.set(own.subarray(row * words, (row + 1) * words), row * vocabulary + range[0]);
      }
      squares += await takeSquares(engine, slice.head_squares);
    }
    return {
      logits: engine.upload(float32([answers, vocabulary], logits)),
      head_squares: engine.upload(float32([1], Float32Array.of(squares))),
    };
  }
  return { layers: [], answers: true, with: (use) => use(run) };
}

/** What is held, by canonical name. */
function dtypes(held: Feeds, prefix: string): StoredTypes {
  return storedTypes(
    Object.fromEntries(Object.entries(held).map(([name, one]) => [name.slice(prefix.length), one])),
  );
}
