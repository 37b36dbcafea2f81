/** Stages of decoding whose weights are kept: programs that hold them, as long as there is room. */
import type { Feeds, Held } from "../../engine/mod.ts";
import { layerTensors, type Model, routed, stacked, stepGraph, type TensorNeed } from "../../models/mod.ts";
import { float32, toFloat32 } from "../../tensor/mod.ts";
import type { Lease } from "../../weights/mod.ts";
import { freeAll } from "../held.ts";
import { owningProgram } from "../programs.ts";
import { buffersOf, detach } from "../weights/memory.ts";
import { fedTensors, heldBytes, type HeldWeights, keptInSteps, storedTypes } from "../weights/part.ts";
import { headTensors, leasedHead, leasedStage, leaseOf, readHead } from "./leased.ts";
import type { Open, Stage, StepLayer } from "./stage.ts";
import type { Unit, Whose } from "./units.ts";

/** Weights of consecutive layers in one program at most: while it is compiled there are several copies of them. */
const PROGRAM_BYTES = 2 ** 28;

/** A stage, or a mixture whose room is known at the end. */
type Made = { readonly kind: "made"; readonly whose: Whose; readonly stage: Stage } | {
  readonly kind: "mixture";
  readonly whose: Whose;
  readonly model: Model;
  readonly layer: StepLayer;
};

/** Makes stages of layers, keeping weights until the budget is spent. */
export function keeper(open: Open, budget: number) {
  const { model, engine, programs } = open;
  const { bindingBytes, blocks } = engine.has;
  const keeps = keptInSteps(blocks);
  const made: Made[] = [];
  const compiled: { release(): Promise<void> }[] = [];
  let pending: { layer: StepLayer; own: HeldWeights }[] = [];
  let reading: Whose = "both"; // who runs what is pending
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
    made.push({
      kind: "made",
      whose: reading,
      stage: { layers, answers: head !== null, with: (use) => use(program.run) },
    });
  }

  function kept(lease: Lease, needs: readonly TensorNeed[]): HeldWeights | null {
    const own = uploaded(open, lease, needs);
    if (fits(own.held)) return own;
    own.free();
    return null;
  }

  async function addHead(): Promise<void> {
    const head = isFull ? null : kept(await readHead(model, keeps), headTensors(model.spec));
    await flush(head);
    if (!head) made.push({ kind: "made", whose: reading, stage: leasedHead(model, engine, programs) });
  }

  return {
    get left() {
      return left;
    },
    /** What the units become, in their order, when all are added. */
    made: made as readonly Made[],
    /** Adds the unit that follows; the head is the last one of a reader. */
    async add({ layer, model, whose }: Unit): Promise<void> {
      if (whose !== reading) await flush();
      reading = whose;
      if (!layer) return await addHead();
      if (routed(layer.spec.mlp)) {
        await flush();
        made.push({ kind: "mixture", whose, model, layer });
        return;
      }
      const from = { ...open, model };
      const needs = layerTensors(layer.spec, model.spec.hidden);
      const own = isFull ? null : kept(await leaseOf(from, layer, keeps), needs);
      if (!own) {
        await flush();
        made.push({ kind: "made", whose, stage: leasedStage(from, layer) });
        return;
      }
      if (pendingBytes + heldBytes(own.held) > PROGRAM_BYTES) await flush();
      pending.push({ layer, own });
      pendingBytes += heldBytes(own.held);
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
  const blocks = stacked(
    new Map([...lease.blocks ?? []].filter(([name]) => names.has(name))),
    engine.has.bindingBytes,
  );
  const dense = new Map(
    [...lease.tensors].filter(([name]) => names.has(name)).map((
      [name, tensor],
    ) => [name, isWide ? float32(tensor.shape, toFloat32(tensor)) : tensor]),
  );
  const held: Record<string, Held> = {};
  const lent = buffersOf(lease);
  const own = new Set<ArrayBufferLike>();
  const isBorrowed = engine.has.constants === "copied";
  try {
    for (const [name, tensor] of fedTensors({ tensors: dense, blocks })) {
      held[name] = engine.upload(tensor);
      const { buffer } = tensor.data;
      if (!lent.has(buffer)) own.add(buffer);
    }
  } catch (error) {
    freeAll(held);
    release();
    throw error;
  }
  const giveBack = () => {
    release();
    detach(own);
  };
  if (!isBorrowed) giveBack();
  return {
    held,
    own: null,
    bytes: heldBytes(held),
    free() {
      freeAll(held);
      if (isBorrowed) giveBack();
    },
  };
}
