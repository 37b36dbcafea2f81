/** Stages of decoding whose weights are read for each run, and the tensors that stages need. */
import { freed } from "../../entry/mod.ts";
import { type Feeds, type Held, openResidents, type RunOptions } from "../../engine/mod.ts";
import {
  float32Bytes,
  headGraph,
  layerTensors,
  type MixtureSpec,
  type Model,
  type ModelSpec,
  outerTensors,
  stepGraph,
  type TensorNeed,
  updateGraph,
} from "../../models/mod.ts";
import { float32, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import type { KeepsBlocks, Lease } from "../../weights/mod.ts";
import { takeSquares } from "../finite.ts";
import { finalNorm, headSlices, intoRows } from "../head/head.ts";
import { take, withUploaded } from "../held.ts";
import { runMixture } from "../modules/mixture.ts";
import { runModule } from "../modules/module.ts";
import {
  buffersOf,
  detach,
  fedTo,
  keptInSteps,
  leased,
  lending,
  type Make,
  storedTypes,
} from "../weights/part.ts";
import { mixtureParts } from "../weights/parts.ts";
import type { Open, RunStage, Stage, StepLayer } from "./units.ts";

/** Final norm and head; a tied head is a matrix all the same. */
export function headTensors(spec: ModelSpec): TensorNeed[] {
  return outerTensors({ ...spec, head: { ...spec.head, tied: false } }).filter(([name]) =>
    !/^(embedding|position)\./.test(name)
  );
}

/** The weights of what is left of a layer, and of nothing else: a program cannot have constants that it does not use. */
export function leaseOf(
  { weights, spec }: Model,
  { l, spec: layer }: StepLayer,
  keeps: KeepsBlocks | undefined,
): Promise<Lease> {
  if (layer.attention && layer.mlp) return weights.layer(l, keeps);
  return weights.part(l, new Map(layerTensors(layer, spec.hidden).map(([name]) => [name, null])), keeps);
}

export async function readHead({ weights, spec }: Model, keeps: KeepsBlocks): Promise<Lease> {
  const head = await weights.outerBlocks?.("head.weight", keeps) ?? null;
  const names = headTensors(spec).map(([name]) => name).filter((name) => !head || name !== "head.weight");
  const tensors = await Promise.all(names.map(async (name) => [name, await weights.outer(name)] as const));
  const blocks = new Map(head ? [["head.weight", head]] : []);
  const own = buffersOf({ tensors: new Map(), blocks });
  return { tensors: new Map(tensors), blocks, release: () => detach(own) };
}

export function wide(tensors: Iterable<readonly [string, Tensor]>): Map<string, Tensor> {
  return new Map(Array.from(tensors, ([name, own]) => [name, float32(own.shape, toFloat32(own))]));
}

/**
 * A layer whose weights are read for each run. Where products with blocks take a program that holds them, it would be compiled for a
 * token or two: for layers of Llama 2 7B that takes twice the time of widening them, which float32 allows.
 */
export function leasedStage({ engine, programs, texts }: Open, model: Model, layer: StepLayer): Stage {
  const isWidened = engine.has.constants === "copied" && engine.precision !== "int8";
  const keeps = isWidened ? undefined : keptInSteps(engine.has.blocks);
  return {
    layers: [layer],
    answers: false,
    async with(use) {
      const lease = await leaseOf(model, layer, keeps);
      using weights = freed(await leased(engine, lease, (name) => `0.${name}`));
      const { held, own } = weights;
      const stored = new Map([...storedTypes(held)].map(([name, type]) => [name.slice("0.".length), type]));
      const from = own ?? programs;
      const { run } = await from.get(
        [layer.spec, [...stored]],
        () => stepGraph(model.spec.hidden, [layer.spec], [stored], undefined, engine.has, texts),
      );
      const fed = fedTo(from, held);
      return await use((feeds, options) => run({ ...feeds, ...fed }, options));
    },
  };
}

/** A head whose rows are read for each run. */
export function leasedHead({ engine, programs }: Open, model: Model): Stage {
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
        const build = () => headGraph(model.spec, stored, engine.has);
        const compiled = await programs.get(["head", [...stored]], build);
        return await compiled.run({ x, rows, ...held }, options);
      });
      const own = (await take(engine, slice.logits)).data as Float32Array;
      intoRows(logits, own, range, vocabulary);
      squares += await takeSquares(engine, slice.head_squares);
    }
    return {
      logits: engine.upload(float32([answers, vocabulary], logits)),
      head_squares: engine.upload(float32([1], Float32Array.of(squares))),
    };
  }
  return { layers: [], answers: true, with: (use) => use(run) };
}

/** A mixture as a stage: a token's experts are read when it has chosen them, and kept within `room`, of which it can use `most` bytes. */
export interface MixtureStage extends Stage {
  readonly most: number;
  /** To be called once, before the first run. */
  grant(room: number): void;
  release(): void;
}

/** The mixture of a layer. Weights are held in float32: for a token or two, widening them in each run would cost more than the products. */
export function mixtureStage(
  { engine, programs }: Open,
  model: Model,
  layer: StepLayer,
  mixture: MixtureSpec,
): MixtureStage {
  const { hidden } = model.spec;
  const { l, spec } = layer;
  const keeps = keptInSteps(engine.has.blocks);
  const make: Make = async (cuts, fedAs) => {
    const { tensors, ...lease } = await model.weights.part(l, cuts, keeps);
    return leased(engine, { ...lease, tensors: wide(tensors) }, fedAs);
  };
  let residents = openResidents(null, 0);
  const lend = lending({ borrow: (place, make) => residents.borrow(place, make) }, l, make);
  const parts = mixtureParts(mixture, hidden, engine.has.bindingBytes, lend);
  const place = { layer: l, module: "mlp" } as const;

  const run: RunStage = async ({ x }, { signal } = {}) => {
    const where = { model, engine, programs, place, signal };
    const { sum, by } = await runMixture(where, mixture, parts, { x });
    using _sum = freed(sum);
    return await runModule(
      { ...where, before: by },
      [parts.after],
      (programs, _, stored) =>
        programs.get(["after", spec, [...stored]], () => {
          const extent = { samples: 1, length: -1 };
          const present = { attention: false, mlp: true };
          return updateGraph(spec, hidden, extent, present, { stored, lowering: engine.has });
        }),
      { x, sum },
      "m",
    );
  };
  return {
    layers: [layer],
    answers: false,
    with: (use) => use(run),
    most: float32Bytes(layerTensors(spec, hidden)),
    grant(room) {
      residents = openResidents(null, room);
    },
    release: () => residents.close(),
  };
}
