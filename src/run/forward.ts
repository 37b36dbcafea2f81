/**
 * The executor: layer by layer, all states together.
 *
 * A state is a residual stream shared by the plans that agree so far, cut into batches of samples. Every state passes
 * through layer l before layer l + 1 is touched, so each weight is read once. A module that no plan of a state keeps is
 * not run. Where the states would outgrow the budget, samples are split into groups, and each group reads the weights
 * again: a model larger than memory is the normal case.
 */
import type { Engine, Feeds, Held, Program } from "../engine/mod.ts";
import {
  attentionGraph,
  type AttentionSpec,
  type AttentionTaps,
  mlpPartGraph,
  type MlpSpec,
  type Model,
  ropeTables,
  type StoredTypes,
  updateGraph,
  type UpdateTaps,
} from "../models/mod.ts";
import { float32, type Tensor } from "../tensor/mod.ts";
import { embed } from "./embed.ts";
import { areFinite, notFinite, type Place, readSquares } from "./finite.ts";
import { type LayerParts, layerParts, type Part } from "./parts.ts";
import { pauses } from "./pause.ts";
import type { DropPlan } from "./plan.ts";
import type { Present, Probe } from "./probes/probe.ts";
import { openPrograms } from "./programs.ts";
import { type Branch, branches, countModules } from "./trie.ts";

/** Token ids [samples, length], a sample after the other. */
export interface Blocks {
  readonly ids: Int32Array;
  readonly samples: number;
  readonly length: number;
}

/** Samples [first, first + count) that are run together. */
export interface Batch {
  readonly first: number;
  readonly count: number;
}

/** The stream that plans share, a batch after the other. */
export interface State {
  readonly plans: readonly number[];
  readonly batches: Held[];
}

/** What to run. */
export interface ForwardOptions {
  readonly model: Model;
  readonly engine: Engine;
  readonly blocks: Blocks;
  readonly plans: readonly DropPlan[];
  readonly probes?: readonly Probe[] | undefined;
  /** Bytes that the states may take; default: 512 MiB. */
  readonly budget?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each module, with modules × batches done and to do. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Takes the streams that leave the last layer, a group of samples after the other; they are the taker's to free. */
  readonly finish?: ((states: readonly State[], batches: readonly Batch[]) => Promise<void>) | undefined;
}

/** Tokens that one run of a module should have: enough to make the weights' way into the cache worth it. */
const BATCH_TOKENS = 2048;
const DEFAULT_BUDGET = 512 * 2 ** 20;

/**
 * Runs the layers; gives the number of modules executed (counted once for all samples). Throws `RangeError` if a
 * module produces non-finite numbers: no probe sees them.
 */
export async function forward(options: ForwardOptions): Promise<number> {
  const { model, blocks, plans } = options;
  const groups = sampleGroups(options);
  const modules = countModules(model.spec.layers, plans);
  const total = modules * groups.reduce((sum, batches) => sum + batches.length, 0);
  const run = runner(options, blocks.length, total);
  try {
    for (const batches of groups) {
      const states = await runLayers(options, batches, run);
      await options.finish?.(states, batches);
    }
  } finally {
    await run.release();
  }
  return modules;
}

/**
 * Batches of samples, in groups whose states fit the budget together (one batch at least). How samples are batched
 * depends on their length alone, so the streams of two runs over the same blocks match.
 */
function sampleGroups({ model, blocks, plans, budget = DEFAULT_BUDGET }: ForwardOptions): Batch[][] {
  const { samples, length } = blocks;
  const distinct = new Set(plans.map((plan) => JSON.stringify(plan))).size;
  const perBatch = Math.max(1, Math.floor(BATCH_TOKENS / length));
  const batchBytes = distinct * perBatch * length * model.spec.hidden * Float32Array.BYTES_PER_ELEMENT;
  const perGroup = Math.max(1, Math.floor(budget / batchBytes));
  const batches: Batch[] = [];
  for (let first = 0; first < samples; first += perBatch) {
    batches.push({ first, count: Math.min(perBatch, samples - first) });
  }
  return Array.from(
    { length: Math.ceil(batches.length / perGroup) },
    (_, g) => batches.slice(g * perGroup, (g + 1) * perGroup),
  );
}

async function runLayers(
  { model, engine, blocks, plans, probes = [] }: ForwardOptions,
  batches: Batch[],
  run: Runner,
): Promise<State[]> {
  const { spec } = model;
  // What goes on inside attention is observed of all its heads at once.
  const whole = probes.some((probe) => probe.attention);
  const streams: Held[] = [];
  for (const { first, count } of batches) {
    const ids = blocks.ids.subarray(first * blocks.length, (first + count) * blocks.length);
    streams.push(float32([ids.length, spec.hidden], await embed(model, ids)));
  }
  let states: State[] = [{ plans: plans.map((_, index) => index), batches: streams }];
  for (let l = 0; l < spec.layers.length; l++) {
    const ways = states.map((state) => branches(plans, state.plans, spec.layers[l], l));
    if (ways.flat().every((way) => !way.attention && !way.mlp)) continue;
    const parts = await layerParts(model, l, whole);
    const next: State[] = [];
    try {
      for (const [i, state] of states.entries()) {
        const results: State[] = ways[i].map((way) => ({ plans: way.plans, batches: [] }));
        for (const [b, batch] of batches.entries()) {
          const streams = await run.layer(l, parts, state.batches[b], batch, ways[i]);
          streams.forEach((stream, w) => results[w].batches.push(stream));
          if (!streams.includes(state.batches[b])) engine.free(state.batches[b]); // nobody reads it again
        }
        next.push(...results);
      }
    } finally {
      parts.release();
    }
    states = next;
  }
  return states;
}

interface Runner {
  layer(l: number, parts: LayerParts, x: Held, batch: Batch, ways: Branch[]): Promise<Held[]>;
  release(): Promise<void>;
}

/** Compiles a graph for each kind of module when it is first met, and runs them. */
function runner(
  { model, engine, probes = [], signal, onProgress }: ForwardOptions,
  length: number,
  total: number,
): Runner {
  const { hidden, layers } = model.spec;
  const programs = openPrograms(engine);
  const tables = new Map<string, { cos: Tensor; sin: Tensor }>();
  let done = 0;

  function rotation(spec: AttentionSpec): { cos: Tensor; sin: Tensor } {
    const key = JSON.stringify(spec.rope);
    const known = tables.get(key);
    if (known) return known;
    const made = ropeTables(spec.rope, length);
    tables.set(key, made);
    return made;
  }
  const pause = pauses(signal);
  async function step() {
    onProgress?.(++done, total);
    await pause();
  }

  async function attention(
    l: number,
    parts: readonly Part<AttentionSpec>[],
    plans: readonly number[],
    x: Held,
    batch: Batch,
  ): Promise<Held> {
    const extent = { samples: batch.count, length };
    const compiled: Compiled<AttentionSpec> = (spec, stored, onto, last) =>
      programs.get(["attention", spec, batch.count, [...stored], onto, last], () => {
        const tap = (taps: AttentionTaps) =>
          Object.assign({}, ...probes.map((probe) => probe.attention?.(taps, spec, extent)));
        return attentionGraph(spec, hidden, extent, { onto, stored, ...last ? { tap } : {} });
      });
    const feeds = { ...rotation(layers[l].attention!), x };
    const place = { layer: l, module: "attention" } as const;
    const { a, ...outputs } = await inParts(model, engine, place, parts, compiled, feeds, "a");
    const seen = {
      layer: l,
      plans,
      present: { attention: true, mlp: layers[l].mlp !== null },
      ...batch,
      length,
      outputs: await readAll(engine, outputs),
    };
    for (const probe of probes) await probe.observeAttention?.(seen);
    Object.values(outputs).forEach(engine.free);
    await step();
    return a;
  }

  async function update(
    l: number,
    parts: readonly Part<MlpSpec | null>[],
    way: Branch,
    x: Held,
    a: Held | null,
    batch: Batch,
  ): Promise<Held> {
    const extent = { samples: batch.count, length };
    const { residual } = layers[l];
    const present: Present = { attention: way.attention, mlp: way.mlp };
    const compiled: Compiled<MlpSpec | null> = (mlp, stored, onto, last) =>
      programs.get(["update", residual, mlp, present, batch.count, [...stored], onto, last], () => {
        const afterAttention = a !== null && residual === "sequential";
        if (!last) return mlpPartGraph(mlp!, hidden, extent, afterAttention, { onto, stored });
        const tap = (taps: UpdateTaps) =>
          Object.assign({}, ...probes.map((probe) => probe.update?.(taps, layers[l], hidden)));
        return updateGraph({ ...layers[l], mlp }, hidden, extent, present, { tap, onto, stored });
      });
    const place = { layer: l, module: way.mlp ? "mlp" : "attention" } as const;
    const { y, ...outputs } = await inParts(model, engine, place, parts, compiled, a ? { x, a } : { x }, "m");
    const seen = {
      layer: l,
      plans: way.plans,
      present,
      ...batch,
      length,
      outputs: await readAll(engine, outputs),
    };
    probes.forEach((probe) => probe.observeUpdate?.(seen));
    Object.values(outputs).forEach(engine.free);
    if (way.mlp) await step();
    return y;
  }

  return {
    async layer(l, parts, x, batch, ways) {
      const attending = ways.filter((way) => way.attention).flatMap((way) => way.plans);
      const a = attending.length > 0 ? await attention(l, parts.attention, attending, x, batch) : null;
      const streams: Held[] = [];
      for (const way of ways) {
        const runs = way.attention || way.mlp;
        const mlp = way.mlp ? parts.mlp : [NO_MLP];
        streams.push(runs ? await update(l, mlp, way, x, way.attention ? a : null, batch) : x);
      }
      if (a) engine.free(a);
      return streams;
    },
    release: programs.release,
  };
}

/** An update without an MLP: one part, which needs no weights. */
const NO_MLP: Part<null> = { spec: null, use: (run) => run({}) };

/** A part's program: how its weights are stored, whether it goes on from another part, and whether it is the last. */
type Compiled<Spec> = (spec: Spec, stored: StoredTypes, onto: boolean, last: boolean) => Promise<Program>;

/**
 * Runs a module part by part; gives what the last part gives. `name` is the output that the next part goes on from.
 * Throws for a part whose numbers are not finite, while its weights are at hand.
 */
async function inParts<Spec>(
  model: Model,
  engine: Engine,
  place: Place & object,
  parts: readonly Part<Spec>[],
  compiled: Compiled<Spec>,
  feeds: Feeds,
  name: string,
): Promise<Record<string, Held>> {
  let outputs: Record<string, Held> = {};
  for (const [i, part] of parts.entries()) {
    const sum = outputs[name];
    outputs = await part.use(async (weights) => {
      const stored = new Map(Object.entries(weights).map(([weight, { dtype }]) => [weight, dtype]));
      const program = await compiled(part.spec, stored, i > 0, i === parts.length - 1);
      const { squares, ...given } = await program.run({ ...weights, ...feeds, ...i > 0 ? { sum } : {} });
      if (areFinite(await readSquares(engine, squares))) return given;
      const own = Object.entries(weights).filter(([weight]) => weight.startsWith(`${place.module}.`));
      throw notFinite(model, place, own);
    });
    if (i > 0) engine.free(sum);
  }
  return outputs;
}

async function readAll(engine: Engine, held: Record<string, Held>): Promise<Record<string, Tensor>> {
  const read: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(held)) read[name] = await engine.read(value);
  return read;
}
