/**
 * The programs that a token passes through, and where their weights are.
 *
 * Layers that fit the budget are one program that holds their weights, packed: for a product with a single row that
 * is half as fast again as feeding them, and one call instead of one per layer. What does not fit is leased for each
 * token and fed: F16 and BF16 as stored, widened inside the graph, which needs no float32 copy of the layer here. A mixture is a
 * stage of its own, behind its layer's attention.
 */
import type { Engine, Feeds, Held, RunOptions } from "../engine/mod.ts";
import {
  headGraph,
  layerTensors,
  type Model,
  type ModelSpec,
  outerTensors,
  routed,
  stepGraph,
  type TensorNeed,
} from "../models/mod.ts";
import { type DType, elements, float32, type Tensor, toFloat32 } from "../tensor/mod.ts";
import type { Lease } from "../weights/mod.ts";
import { takeSquares } from "./finite.ts";
import { finalNorm, headSlices } from "./head/head.ts";
import { take, withUploaded } from "./held.ts";
import { mixtureStage } from "./decode/mixture.ts";
import { openPrograms, type Programs } from "./programs.ts";
import type { Stage, StepLayer } from "./decode/stage.ts";

/**
 * The stages of a model for B texts side by side; the last gives the logits [B, V]. `budget`: bytes of float32 weights that may be
 * kept.
 */
export async function openStages(
  model: Model,
  engine: Engine,
  layers: readonly StepLayer[],
  { budget, texts }: { readonly budget: number; readonly texts: number },
): Promise<{ stages: Stage[]; release(): Promise<void> }> {
  const { spec } = model;
  let [left, isFull] = [budget, false];
  const fits = (needs: readonly TensorNeed[]) => {
    const sizes = needs.map(([, shape]) => 4 * elements(shape));
    const bytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
    isFull ||= bytes > left || sizes.some((bytes) => bytes > engine.has.bindingBytes);
    if (!isFull) left -= bytes;
    return !isFull;
  };
  const groups = groupsOf(layers, (layer) => fits(layerTensors(layer.spec, spec.hidden)));
  const withHead = fits(headTensors(spec));
  if (withHead && groups.at(-1)?.kind !== "kept") groups.push({ kind: "kept", layers: [] });
  const mixtures = groups.filter(({ kind }) => kind === "mixture").length;
  const programs = openPrograms(engine);
  const stages: Stage[] = [];
  const mixed: { release(): void }[] = [];
  async function release(): Promise<void> {
    mixed.forEach((stage) => stage.release());
    await programs.release();
  }
  try {
    for (const [i, { kind, layers }] of groups.entries()) {
      if (kind === "kept") {
        const own = { layers, withHead: withHead && i === groups.length - 1, texts };
        stages.push(await keptStage(model, engine, programs, own));
      } else if (kind === "leased") stages.push(leasedStage(model, engine, programs, layers[0], texts));
      else {
        const stage = mixtureStage(model, engine, programs, layers[0], left / mixtures);
        mixed.push(stage);
        stages.push(stage);
      }
    }
  } catch (error) {
    await release();
    throw error;
  }
  if (!withHead) stages.push(leasedHead(model, engine, programs, texts));
  return { stages, release };
}

/** Layers that are one stage: any number that are kept, one that is leased, or a mixture without its attention. */
interface Group {
  readonly kind: "kept" | "leased" | "mixture";
  readonly layers: StepLayer[];
}

function groupsOf(layers: readonly StepLayer[], isKept: (layer: StepLayer) => boolean): Group[] {
  const groups: Group[] = [];
  const add = (layer: StepLayer) => {
    const kind = isKept(layer) ? "kept" : "leased";
    const last = groups.at(-1);
    if (kind === "kept" && last?.kind === "kept") last.layers.push(layer);
    else groups.push({ kind, layers: [layer] });
  };
  for (const { l, spec } of layers) {
    if (!routed(spec.mlp)) {
      add({ l, spec });
      continue;
    }
    if (spec.attention) add({ l, spec: { ...spec, mlp: null } });
    groups.push({ kind: "mixture", layers: [{ l, spec: { ...spec, attention: null } }] });
  }
  return groups;
}

/** Final norm and head; a tied head is a matrix all the same. */
function headTensors(spec: ModelSpec) {
  return outerTensors({ ...spec, head: { ...spec.head, tied: false } }).filter(([name]) =>
    name !== "embedding.weight"
  );
}

async function keptStage(
  model: Model,
  engine: Engine,
  programs: Programs,
  { layers, withHead, texts }: {
    readonly layers: readonly StepLayer[];
    readonly withHead: boolean;
    readonly texts: number;
  },
): Promise<Stage> {
  const held: { held: Map<string, Tensor> }[] = [];
  for (const layer of layers) {
    const lease = await leaseOf(model, layer);
    try {
      held.push({ held: new Map([...lease.tensors].map(([name, tensor]) => [name, copied(tensor)])) });
    } finally {
      lease.release();
    }
  }
  const head = withHead ? { spec: model.spec, weights: { held: await readHead(model) } } : undefined;
  const specs = layers.map(({ spec }) => spec);
  const compiled = await programs.get(
    ["kept", layers.map(({ l }) => l)],
    () => stepGraph(model.spec.hidden, specs, held, head, engine.has, texts),
  );
  return { layers, with: (use) => use(compiled.run) };
}

/** What is left of a layer; where its mixture is a stage of its own, without it. */
function leaseOf({ weights, spec }: Model, { l, spec: layer }: StepLayer): Promise<Lease> {
  if (!routed(spec.layers[l].mlp)) return weights.layer(l);
  return weights.part(l, new Map(layerTensors(layer, spec.hidden).map(([name]) => [name, null])));
}

/** Float32 that outlives the lease. */
function copied(tensor: Tensor): Tensor {
  return float32(tensor.shape, toFloat32(tensor).slice());
}

async function readHead(model: Model): Promise<Map<string, Tensor>> {
  const names = headTensors(model.spec).map(([name]) => name);
  return new Map(
    await Promise.all(names.map(async (name) => {
      const tensor = await model.weights.outer(name);
      return [name, float32(tensor.shape, toFloat32(tensor))] as const;
    })),
  );
}

function leasedStage(
  model: Model,
  engine: Engine,
  programs: Programs,
  layer: StepLayer,
  texts: number,
): Stage {
  return {
    layers: [layer],
    async with(use) {
      const lease = await leaseOf(model, layer);
      try {
        const tensors = Object.fromEntries([...lease.tensors].map(([name, tensor]) => [`0.${name}`, tensor]));
        return await withUploaded(engine, tensors, async (held) => {
          const weights = { fed: dtypes(held, "0.") };
          const compiled = await programs.get(
            [layer.spec, [...weights.fed]],
            () => stepGraph(model.spec.hidden, [layer.spec], [weights], undefined, engine.has, texts),
          );
          return await use((feeds, options) => compiled.run({ ...feeds, ...held }, options));
        });
      } finally {
        lease.release();
      }
    },
  };
}

function leasedHead(model: Model, engine: Engine, programs: Programs, texts: number): Stage {
  const { vocabulary } = model.spec;

  async function run({ x }: Feeds, options?: RunOptions): Promise<Record<string, Held>> {
    const norm = Object.fromEntries(await finalNorm(model));
    const logits = new Float32Array(texts * vocabulary);
    let squares = 0;
    for (const range of headSlices(model.spec, engine.has.bindingBytes)) {
      const tensors = { ...norm, "head.weight": await model.weights.outer("head.weight", range) };
      const slice = await withUploaded(engine, tensors, async (held) => {
        const weights = { fed: dtypes(held) };
        const compiled = await programs.get(
          ["head", [...weights.fed]],
          () => headGraph(model.spec, weights, engine.has, texts),
        );
        return await compiled.run({ x, ...held }, options);
      });
      const own = (await take(engine, slice.logits)).data as Float32Array;
      const rows = range[1] - range[0];
      for (let text = 0; text < texts; text++) {
        logits.set(own.subarray(text * rows, (text + 1) * rows), text * vocabulary + range[0]);
      }
      squares += await takeSquares(engine, slice.head_squares);
    }
    return {
      logits: engine.upload(float32([texts, vocabulary], logits)),
      head_squares: engine.upload(float32([1], Float32Array.of(squares))),
    };
  }
  return { layers: [], with: (use) => use(run) };
}

/** Element types as they are held, by canonical name. */
function dtypes(held: Feeds, prefix = ""): Map<string, DType> {
  return new Map(Object.entries(held).map(([name, { dtype }]) => [name.slice(prefix.length), dtype]));
}
