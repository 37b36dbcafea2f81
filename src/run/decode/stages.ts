/**
 * The programs that a token passes through, and where their weights are.
 *
 * Layers that fit the budget are programs that hold their weights: for a product with a single row that is half as fast again as
 * feeding them, and one call instead of one per layer. What does not fit is leased for each token and fed as it is stored. A mixture is
 * a stage of its own, behind its layer's attention.
 */
import { type Engine, returnFreedMemory } from "../../engine/mod.ts";
import {
  float32Bytes,
  layerTensors,
  type Model,
  type ModelSpec,
  routed,
  type TensorNeed,
} from "../../models/mod.ts";
import type { DropPlan } from "../../measure/mod.ts";
import { changedModel, changedSpec } from "../plan/variants.ts";
import type { Lowering } from "../../onnx/mod.ts";
import { keeper } from "./kept.ts";
import { headTensors } from "./leased.ts";
import { canContinue, hasMemory } from "./memory.ts";
import { mixtureStage } from "./mixture.ts";
import type { Open, Stage, StepLayer } from "./stage.ts";
import { expectPrecision } from "../precision.ts";
import { openPrograms } from "../programs.ts";

/**
 * The stages of a model for B texts side by side; the last gives the logits [B, V]. They keep at most `budget` bytes of weights, and
 * `bytes` with those that mixtures may still keep.
 */
async function openStages(
  model: Model,
  engine: Engine,
  layers: readonly StepLayer[],
  { budget, texts }: { readonly budget: number; readonly texts: number },
): Promise<{ stages: Stage[]; bytes: number; release(): Promise<void> }> {
  expectPrecision(model, engine);
  const programs = openPrograms(engine);
  const open: Open = { model, engine, programs, texts, isWide: areWide(model.spec, engine.has, budget) };
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
    if (engine.has.constants === "copied") returnFreedMemory();
    let { left } = making;
    let mixtures = stages.filter((stage) => stage.kind === "mixture").length;
    const made = stages.map((stage): Stage => {
      if (stage.kind === "made") return stage.stage;
      const room = Math.min(
        left / mixtures--,
        float32Bytes(layerTensors(stage.layer.spec, model.spec.hidden)),
      );
      left -= room;
      const own = mixtureStage(model, engine, programs, stage.layer, room);
      mixed.push(own);
      return own;
    });
    return { stages: made, bytes: budget - left, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** What reads a model: bytes of weights to keep (default: all that there is room for), and texts side by side. */
interface Reading {
  readonly model: Model;
  readonly engine: Engine;
  readonly budget?: number | undefined;
  readonly texts?: number | undefined;
}

/** What a model under a plan is run by, and the memory for weights that it leaves. */
export interface Reader {
  readonly layers: readonly StepLayer[];
  readonly stages: readonly Stage[];
  /** Layers whose attention leaves something behind. */
  readonly remembering: ReadonlySet<number>;
  readonly left: number;
  release(): Promise<void>;
}

/** The stages of a plan, which take the place of weights that stay at hand between passes, up to `room` bytes. */
export async function openReader(
  { model, engine, budget, texts = 1 }: Reading,
  plan: DropPlan,
  room: number,
): Promise<Reader> {
  const { residents } = engine;
  const changed = changedModel(model, plan);
  const layers = layersOf(changed.spec);
  if (budget === undefined) residents?.clear();
  const most = budget ?? residents?.left ?? room;
  const { stages, bytes, release } = await openStages(changed, engine, layers, { budget: most, texts });
  const giveBack = budget === undefined ? residents?.claim(bytes) : undefined;
  return {
    layers,
    stages,
    remembering: new Set(
      layers.filter(({ spec }) => spec.attention && hasMemory(spec.attention, engine.has)).map(({ l }) => l),
    ),
    left: most - bytes,
    async release() {
      await release();
      giveBack?.();
    },
  };
}

/** Layers with at least one module. */
function layersOf({ layers }: ModelSpec): StepLayer[] {
  return layers.map((spec, l) => ({ l, spec })).filter(({ spec }) => spec.attention || spec.mlp);
}

/** Throws `RangeError` where a draft has a memory that the model under the plan lacks. */
export function expectDraft(
  spec: ModelSpec,
  draft: DropPlan,
  lowering: Lowering,
  plan: DropPlan,
): void {
  const { layers } = changedSpec(spec, plan);
  for (const [l, { attention }] of changedSpec(spec, draft).layers.entries()) {
    if (!attention || canContinue(attention, layers[l].attention, lowering)) continue;
    throw new RangeError(
      `Cannot draft with attention ${l}: expected one that remembers what the model's own attention does`,
    );
  }
}

/** The layers that draft, with what memory is left. */
export async function openDraft(options: Reading, draft: DropPlan, main: Reader): Promise<Reader> {
  const { budget } = options;
  try {
    return await openReader(
      budget === undefined ? options : { ...options, budget: main.left },
      draft,
      main.left,
    );
  } catch (error) {
    await main.release();
    throw error;
  }
}

/** A layer; where it has a mixture, its attention and the mixture by themselves. */
function modulesOf({ l, spec }: StepLayer): StepLayer[] {
  if (!routed(spec.mlp)) return [{ l, spec }];
  const mixture = { l, spec: { ...spec, attention: null } };
  return spec.attention ? [{ l, spec: { ...spec, mlp: null } }, mixture] : [mixture];
}

/** Whether weights that are not in blocks are kept in float32: on the CPU, and where all of them fit the budget so. */
export function areWide(
  spec: ModelSpec,
  { constants }: Pick<Lowering, "constants">,
  budget: number,
): boolean {
  return constants === "copied" || float32Bytes(stepTensors(spec).map(({ need }) => need)) <= budget;
}

/** All tensors that stages have: those of the layers, and of the head (null). */
export function stepTensors(spec: ModelSpec): { l: number | null; need: TensorNeed }[] {
  const inLayers = spec.layers.flatMap((layer, l) =>
    layerTensors(layer, spec.hidden).map((need) => ({ l, need }))
  );
  return [...inLayers, ...headTensors(spec).map((need) => ({ l: null, need }))];
}
