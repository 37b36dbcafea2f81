/**
 * The programs that a token passes through, and where their weights are.
 *
 * Layers that fit the budget are programs that hold their weights: for a product with a single row that is half as fast again as
 * feeding them, and one call instead of one per layer. What does not fit is leased for each token and fed as it is stored. A mixture is
 * a stage of its own, behind its layer's attention.
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
  type StoredTypes,
  type TensorNeed,
} from "../models/mod.ts";
import { elements, float32, type Tensor, toFloat32 } from "../tensor/mod.ts";
import type { KeepsBlocks, Lease } from "../weights/mod.ts";
import { takeSquares } from "./finite.ts";
import { finalNorm, headSlices } from "./head/head.ts";
import { freeAll, take, withUploaded } from "./held.ts";
import { mixtureStage } from "./decode/mixture.ts";
import { openPrograms, owningProgram, type Programs } from "./programs.ts";
import type { Stage, StepLayer } from "./decode/stage.ts";
import { fedTensors, type HeldWeights, keptInSteps, storedTypes } from "./weights/part.ts";
import { heldBytes } from "./weights/shelf.ts";

/** What the stages of a model share. */
interface Open {
  readonly model: Model;
  readonly engine: Engine;
  readonly programs: Programs;
  readonly texts: number;
  /** Whether what is kept and not in blocks is float32, which is faster, or as it is stored. */
  readonly isWide: boolean;
}

/** Weights of consecutive layers in one program at most: while it is compiled there are several copies of them. */
const PROGRAM_BYTES = 2 ** 30;

/** The stages of a model for B texts side by side; the last gives the logits [B, V]. `budget`: bytes of weights that may be kept. */
export async function openStages(
  model: Model,
  engine: Engine,
  layers: readonly StepLayer[],
  { budget, texts }: { readonly budget: number; readonly texts: number },
): Promise<{ stages: Stage[]; release(): Promise<void> }> {
  const programs = openPrograms(engine);
  const isWide = engine.has.constants === "copied" || float32Bytes(model.spec, layers) <= budget;
  const open: Open = { model, engine, programs, texts, isWide };
  const making = keeper(open, budget);
  const mixed: { release(): void }[] = [];
  async function release(): Promise<void> {
    mixed.forEach((stage) => stage.release());
    await making.release();
    await programs.release();
  }
  try {
    for (const layer of layers.flatMap(modulesOf)) await making.add(layer);
    const stages = await making.end();
    const mixtures = stages.filter((stage) => stage.kind === "mixture").length;
    const made = stages.map((stage): Stage => {
      if (stage.kind === "made") return stage.stage;
      const own = mixtureStage(model, engine, programs, stage.layer, making.left / mixtures);
      mixed.push(own);
      return own;
    });
    return { stages: made, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** A layer; where it has a mixture, its attention and the mixture by themselves. */
function modulesOf({ l, spec }: StepLayer): StepLayer[] {
  if (!routed(spec.mlp)) return [{ l, spec }];
  const mixture = { l, spec: { ...spec, attention: null } };
  return spec.attention ? [{ l, spec: { ...spec, mlp: null } }, mixture] : [mixture];
}

function float32Bytes(spec: ModelSpec, layers: readonly StepLayer[]): number {
  const needs = [...layers.flatMap((layer) => layerTensors(layer.spec, spec.hidden)), ...headTensors(spec)];
  return needs.reduce((sum, [, shape]) => sum + 4 * elements(shape), 0);
}

/** A stage, or the layer of a mixture whose room is known at the end. */
type Made = { readonly kind: "made"; readonly stage: Stage } | {
  readonly kind: "mixture";
  readonly layer: StepLayer;
};

/** Makes stages of layers, keeping weights until the budget is spent. */
function keeper(open: Open, budget: number) {
  const { model, engine, programs } = open;
  const { bindingBytes } = engine.has;
  const made: Made[] = [];
  const compiled: { release(): Promise<void> }[] = [];
  let pending: { layer: StepLayer; own: HeldWeights }[] = [];
  let left = budget, pendingBytes = 0, isFull = false;

  function fits(held: Feeds): boolean {
    const bytes = heldBytes(held);
    isFull ||= bytes > left || Object.values(held).some((one) => heldBytes({ one }) > bindingBytes);
    if (!isFull) left -= bytes;
    return !isFull;
  }

  async function flush(head: HeldWeights | null = null): Promise<void> {
    if (pending.length === 0 && !head) return;
    const kept = pending;
    [pending, pendingBytes] = [[], 0];
    const constants: Record<string, Held> = { ...head?.held };
    kept.forEach(({ own }, i) => {
      for (const [name, one] of Object.entries(own.held)) constants[`${i}.${name}`] = one;
    });
    const layers = kept.map(({ layer }) => layer);
    const graph = stepGraph(
      model.spec.hidden,
      layers.map(({ spec }) => spec),
      kept.map(({ own }) => storedTypes(own.held)),
      head ? { spec: model.spec, stored: storedTypes(head.held) } : undefined,
      engine.has,
      open.texts,
    );
    const all = [...kept.map(({ own }) => own), ...head ? [head] : []];
    const program = await owningProgram(engine, graph, constants, () => all.forEach(({ free }) => free()));
    compiled.push(program);
    made.push({ kind: "made", stage: { layers, with: (use) => use(program.run) } });
  }

  function kept(lease: Lease, needs: readonly TensorNeed[]): HeldWeights | null {
    const own = uploaded(open, lease, needs);
    if (fits(own.held)) return own;
    own.free();
    return null;
  }

  return {
    get left() {
      return left;
    },
    async add(layer: StepLayer): Promise<void> {
      if (routed(layer.spec.mlp)) {
        await flush();
        made.push({ kind: "mixture", layer });
        return;
      }
      const own = isFull
        ? null
        : kept(await leaseOf(open, layer), layerTensors(layer.spec, model.spec.hidden));
      if (!own) {
        await flush();
        made.push({ kind: "made", stage: leasedStage(open, layer) });
        return;
      }
      if (pendingBytes + heldBytes(own.held) > PROGRAM_BYTES) await flush();
      pending.push({ layer, own });
      pendingBytes += heldBytes(own.held);
    },
    /** The stages with the head behind them. */
    async end(): Promise<Made[]> {
      const head = isFull
        ? null
        : kept(await readHead(model, keptInSteps(engine.has.blocks)), headTensors(model.spec));
      await flush(head);
      if (!head) made.push({ kind: "made", stage: leasedHead(model, engine, programs, open.texts) });
      return made;
    },
    async release(): Promise<void> {
      for (const { own } of pending) own.free();
      for (const program of compiled) await program.release();
    },
  };
}

/** Those of a lease's tensors that are needed. What an engine borrows (it copies constants) keeps its lease until it is freed. */
function uploaded(
  { engine, isWide }: Open,
  { release, ...lease }: Lease,
  needs: readonly TensorNeed[],
): HeldWeights {
  const names = new Set(needs.map(([name]) => name));
  const blocks = new Map([...lease.blocks ?? []].filter(([name]) => names.has(name)));
  const dense = new Map(
    [...lease.tensors].filter(([name]) => names.has(name)).map((
      [name, tensor],
    ) => [name, isWide ? wide(tensor) : tensor]),
  );
  const held: Record<string, Held> = {};
  const isBorrowed = engine.has.constants === "copied";
  try {
    for (const [name, tensor] of fedTensors({ tensors: dense, blocks }, engine.has.blocks)) {
      held[name] = engine.upload(tensor);
    }
  } catch (error) {
    freeAll(held);
    release();
    throw error;
  }
  if (!isBorrowed) release();
  return {
    held,
    own: null,
    free() {
      freeAll(held);
      if (isBorrowed) release();
    },
  };
}

function wide(tensor: Tensor): Tensor {
  return tensor.dtype === "f32" ? tensor : float32(tensor.shape, toFloat32(tensor));
}

/** Final norm and head; a tied head is a matrix all the same. */
function headTensors(spec: ModelSpec): TensorNeed[] {
  return outerTensors({ ...spec, head: { ...spec.head, tied: false } }).filter(([name]) =>
    !/^(embedding|position)\./.test(name)
  );
}

/** What is left of a layer; where its mixture is a stage of its own, without it. */
function leaseOf({ model: { weights, spec }, engine }: Open, { l, spec: layer }: StepLayer): Promise<Lease> {
  const keeps = keptInSteps(engine.has.blocks);
  if (!routed(spec.layers[l].mlp)) return weights.layer(l, keeps);
  return weights.part(l, new Map(layerTensors(layer, spec.hidden).map(([name]) => [name, null])), keeps);
}

/** The final norm and the head. */
async function readHead({ weights, spec }: Model, keeps: KeepsBlocks): Promise<Lease> {
  const head = await weights.outerBlocks?.("head.weight", keeps) ?? null;
  const names = headTensors(spec).map(([name]) => name).filter((name) => !head || name !== "head.weight");
  const tensors = await Promise.all(names.map(async (name) => [name, await weights.outer(name)] as const));
  return {
    tensors: new Map(tensors),
    blocks: new Map(head ? [["head.weight", head]] : []),
    release() {},
  };
}

function leasedStage(open: Open, layer: StepLayer): Stage {
  const { model, engine, programs, texts } = open;
  return {
    layers: [layer],
    async with(use) {
      const { release, ...lease } = await leaseOf(open, layer);
      try {
        const tensors = fedTensors(lease, engine.has.blocks).map(([name, tensor]) =>
          [`0.${name}`, tensor] as const
        );
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

function leasedHead(model: Model, engine: Engine, programs: Programs, texts: number): Stage {
  const { vocabulary } = model.spec;

  async function run({ x }: Feeds, options?: RunOptions): Promise<Record<string, Held>> {
    const norm = Object.fromEntries(await finalNorm(model));
    const logits = new Float32Array(texts * vocabulary);
    let squares = 0;
    for (const range of headSlices(model.spec, engine.has.bindingBytes)) {
      const tensors = { ...norm, "head.weight": await model.weights.outer("head.weight", range) };
      const slice = await withUploaded(engine, tensors, async (held) => {
        const stored = storedTypes(held);
        const compiled = await programs.get(
          ["head", [...stored]],
          () => headGraph(model.spec, stored, engine.has, texts),
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

/** What is held, by canonical name. */
function dtypes(held: Feeds, prefix: string): StoredTypes {
  return storedTypes(
    Object.fromEntries(Object.entries(held).map(([name, one]) => [name.slice(prefix.length), one])),
  );
}
