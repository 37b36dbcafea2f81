/**
 * The programs that a token passes through, and where their weights are.
 *
 * Layers that fit the budget are programs that hold their weights: for a product with a single row that is half as fast again as
 * feeding them, and one call instead of one per layer. What does not fit is leased for each token and fed as it is stored. A mixture is
 * a stage of its own, behind its layer's attention.
 */
import { type Engine, type Held, returnFreedMemory } from "../../engine/mod.ts";
import { type DropPlan, noDrop } from "../../measure/mod.ts";
import { layerTensors, type Model, routed, stacked, stepGraph, type TensorNeed } from "../../models/mod.ts";
import type { Lease } from "../../weights/mod.ts";
import { changedModel } from "../plan/variants.ts";
import { expectPrecision, openPrograms, owningProgram } from "../programs.ts";
import {
  buffersOf,
  detach,
  fedTensors,
  heldBytes,
  type HeldWeights,
  holding,
  keptInSteps,
  storedTypes,
} from "../weights/part.ts";
import { areWide } from "./bytes.ts";
import {
  headTensors,
  leasedHead,
  leasedStage,
  leaseOf,
  type MixtureStage,
  mixtureStage,
  readHead,
  wide,
} from "./leased.ts";
import { type Open, type Stage, type StepLayer, unitsOf } from "./units.ts";

export interface DecoderOptions {
  readonly model: Model;
  readonly engine: Engine;
  readonly plan?: DropPlan | undefined;
  /** Bytes of weights to keep in memory; default: all that the engine has for weights, of which it then claims what it keeps. */
  readonly budget?: number | undefined;
  /** Texts side by side, all of the same length; default: 1. */
  readonly texts?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Receives, while tokens are read, how many pieces of the reading are done of how many. */
  readonly onRead?: ((done: number, total: number) => void) | undefined;
}

/** Opens the stages of a model under a plan, in the place of weights that stay at hand. The last gives the logits [B, V]. */
export async function openReader({ model, engine, plan = noDrop, budget, texts = 1 }: DecoderOptions) {
  expectPrecision(model, engine);
  const { residents, has } = engine;
  if (budget === undefined) residents?.clear();
  const room = budget ?? residents?.left ?? has.memoryBytes;
  const own = changedModel(model, plan);
  const units = unitsOf(own.spec);
  const isWide = areWide(own.spec, has, room);
  const { stages, bytes, release } = await openStages(
    { engine, programs: openPrograms(engine), texts, isWide },
    own,
    units,
    room,
  );
  const giveBack = budget === undefined ? residents?.claim(bytes) : undefined;
  return {
    layers: units.filter((layer) => layer !== null),
    stages,
    async release() {
      await release();
      giveBack?.();
    },
  };
}

/** Weights of consecutive layers in one program at most: while it is compiled there are several copies of them. */
const PROGRAM_BYTES = 2 ** 28;

/** The stages of units, in their order. They keep at most `budget` bytes of weights, `bytes` with those that mixtures may keep. */
async function openStages(open: Open, model: Model, units: readonly (StepLayer | null)[], budget: number) {
  const { engine, programs, texts } = open;
  const keeps = keptInSteps(engine.has.blocks);
  const stages: Stage[] = [];
  const mixtures: MixtureStage[] = [];
  const compiled: { release(): Promise<void> }[] = [];
  let pending: { readonly layer: StepLayer; readonly own: HeldWeights }[] = [];
  let [left, isFull] = [budget, false];

  /** Weights that are kept; null where there is no room for them, or for others before. */
  async function kept(layer: StepLayer | null): Promise<HeldWeights | null> {
    if (isFull) return null;
    const lease = await (layer ? leaseOf(model, layer, keeps) : readHead(model, keeps));
    const needs = layer ? layerTensors(layer.spec, model.spec.hidden) : headTensors(model.spec);
    const own = await constants(open, lease, needs);
    const bytes = heldBytes(own.held);
    isFull = bytes > left ||
      Object.values(own.held).some((one) => heldBytes({ one }) > engine.has.bindingBytes);
    if (isFull) own.free();
    else left -= bytes;
    return isFull ? null : own;
  }

  /** Compiles the layers that are pending, and the head behind them. */
  async function flush(head: HeldWeights | null = null): Promise<void> {
    const parts = pending;
    if (parts.length === 0 && !head) return;
    pending = [];
    const layers = parts.map(({ layer }) => layer);
    const graph = stepGraph(
      model.spec.hidden,
      layers.map(({ spec }) => spec),
      parts.map(({ own }) => storedTypes(own.held)),
      head ? { spec: model.spec, stored: storedTypes(head.held) } : undefined,
      engine.has,
      texts,
    );
    const held: Record<string, Held> = { ...head?.held };
    parts.forEach(({ own }, i) => {
      for (const [name, one] of Object.entries(own.held)) held[`${i}.${name}`] = one;
    });
    const free = () => [...parts.map(({ own }) => own), ...head ? [head] : []].forEach((own) => own.free());
    const program = await owningProgram(engine, graph, held, free);
    compiled.push(program);
    stages.push({ layers, answers: head !== null, with: (use) => use(program.run) });
  }

  async function add(layer: StepLayer | null): Promise<void> {
    const mixture = layer && routed(layer.spec.mlp);
    const own = mixture ? null : await kept(layer);
    if (own && layer) {
      const bytes = [...pending.map(({ own }) => own), own].reduce(
        (sum, { held }) => sum + heldBytes(held),
        0,
      );
      if (bytes > PROGRAM_BYTES) await flush();
      pending.push({ layer, own });
      return;
    }
    await flush(own);
    if (own) return;
    const experts = mixture && mixtureStage(open, model, layer, mixture);
    if (experts) mixtures.push(experts);
    const leased = () => layer ? leasedStage(open, model, layer) : leasedHead(open, model);
    stages.push(experts ?? leased());
  }

  async function release(): Promise<void> {
    mixtures.forEach((stage) => stage.release());
    for (const { own } of pending) own.free();
    for (const program of compiled) await program.release();
    await programs.release();
  }

  try {
    for (const layer of units) await add(layer);
  } catch (error) {
    await release();
    throw error;
  }
  if (engine.has.constants === "copied") returnFreedMemory();
  mixtures.forEach(({ most, grant }, i) => {
    const room = Math.min(left / (mixtures.length - i), most);
    left -= room;
    grant(room);
  });
  return { stages, bytes: budget - left, release };
}

/** Those of a lease's tensors that are needed. What an engine borrows (it copies constants) keeps its lease until it is freed. */
async function constants(
  { engine, isWide }: Open,
  { release, ...lease }: Lease,
  needs: readonly TensorNeed[],
): Promise<HeldWeights> {
  const needed = <Own>(all: Iterable<readonly [string, Own]>) =>
    new Map([...all].filter(([own]) => needs.some(([name]) => name === own)));
  const tensors = needed(lease.tensors);
  const blocks = stacked(needed(lease.blocks ?? []), engine.has.bindingBytes);
  const fed = fedTensors({ tensors: isWide ? wide(tensors) : tensors, blocks });
  const isBorrowed = engine.has.constants === "copied";
  const giveBack = () => {
    const lent = buffersOf(lease);
    release();
    detach(new Set(fed.map(([, { data }]) => data.buffer)).difference(lent));
  };
  try {
    return await holding(engine, fed, engine.upload, isBorrowed ? { release: giveBack } : {});
  } finally {
    if (!isBorrowed) giveBack();
  }
}
