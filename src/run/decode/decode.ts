/**
 * One sequence, token by token.
 *
 * A prompt passes through the executor as a block of tokens, and a probe keeps the keys and values of every attention
 * that the plan runs. Then each token is a row that passes through one graph: the layers that fit the budget are
 * constants of it, packed for the product with a single row, and a layer beyond the budget is leased for each token
 * and fed as it is stored. A dropped attention has no cache, a dropped MLP is not run.
 *
 * Dynamic rope turns all positions by the length of the text. Beyond the trained length every token therefore changes
 * the keys of all before it, and the text is read again: what one pass over the text so far gives, not what a cache of
 * old rotations would.
 */
import type { Engine, Held } from "../../engine/mod.ts";
import {
  type LayerSpec,
  maskName,
  type Model,
  type RopeSpec,
  ropeTables,
  rotaryNames,
} from "../../models/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { openEmbedder } from "../embed.ts";
import { areFinite, takeSquares } from "../finite.ts";
import { forward } from "../forward.ts";
import { take, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";
import { headNotFinite } from "../head.ts";
import { type KvCache, kvCache, slotMask } from "./kv_cache.ts";
import { type DropPlan, noDrop } from "../plan.ts";
import type { Probe } from "../probes/probe.ts";
import { openStages, type Stage, type StepLayer } from "../stages.ts";

/** Options of decoding. */
export interface DecoderOptions {
  readonly model: Model;
  readonly engine: Engine;
  readonly plan?: DropPlan | undefined;
  /** Bytes of float32 weights to keep in memory; default: 2 GiB. */
  readonly budget?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A model that reads one sequence and predicts what follows. Throws `RangeError` if numbers are not finite. */
export interface Decoder {
  /** Tokens read so far. */
  readonly length: number;
  /** Starts over with a prompt of at least one token; returns the logits [V] of the next token. */
  prefill(ids: Int32Array): Promise<Float32Array>;
  /** Reads one more token; returns the logits [V] of the next token. */
  step(id: number): Promise<Float32Array>;
  release(): Promise<void>;
}

const DEFAULT_BUDGET = 2 * 2 ** 30;

/** Opens a decoder; reads the weights that it keeps. */
export async function decoder(options: DecoderOptions): Promise<Decoder> {
  const { model, engine, plan = noDrop, budget = DEFAULT_BUDGET, signal } = options;
  const layers = keptModules(model.spec.layers, plan);
  const { stages, release } = await openStages(model, engine, layers, budget);
  const tables = rotaryRows();
  const programs = openPrograms(engine);
  const embedder = openEmbedder(model, engine, programs);
  let caches = new Map<number, KvCache>();
  let ids: number[] = [];

  /** Throws the error of the module where numbers cease to be finite: the executor meets it in the same text. */
  async function blame(stage: Stage): Promise<never> {
    const blocks = { ids: Int32Array.from(ids), samples: 1, length: ids.length };
    await forward({ model, engine, blocks, plans: [plan], signal });
    const [first, last] = [stage.layers[0].l, stage.layers.at(-1)!.l];
    throw new RangeError(
      `Cannot run ${model.name}: layers ${first} to ${last} produce non-finite numbers, expected finite ones`,
    );
  }

  /** Reads the last of `ids`, the others being in the caches. */
  async function last(): Promise<Float32Array> {
    signal?.throwIfAborted();
    const position = ids.length - 1;
    const shared = sharedFeeds(layers, position, tables);
    let x = await embedder.embed(Int32Array.of(ids[position]), signal);
    for (const stage of stages) {
      const uploads = { ...shared, ...cacheFeeds(stage, caches) };
      const before = x;
      const { squares, head_squares, ...outputs } = await withUploaded(
        engine,
        uploads,
        (held) => stage.run({ ...held, x: before }),
      );
      before.free();
      if (squares && !areFinite(await takeSquares(engine, squares))) await blame(stage);
      if (head_squares && !areFinite(await takeSquares(engine, head_squares))) {
        throw await headNotFinite(model);
      }
      for (const [i, { l }] of stage.layers.entries()) {
        const cache = caches.get(l);
        if (cache) cache.append(await rows(engine, outputs[`${i}.k`]), await rows(engine, outputs[`${i}.v`]));
      }
      x = outputs.y ?? outputs.logits;
    }
    return await rows(engine, x);
  }

  async function prefill(prompt: Int32Array): Promise<Float32Array> {
    if (prompt.length === 0) throw new RangeError("Cannot read an empty prompt: expected at least one token");
    ids = [...prompt];
    caches = new Map(layers.flatMap(({ l, spec }) => spec.attention ? [[l, kvCache(spec.attention)]] : []));
    if (prompt.length > 1) {
      const blocks = { ids: prompt, samples: 1, length: prompt.length };
      await forward({ model, engine, blocks, plans: [plan], probes: [cacheProbe(caches)], signal });
    }
    return await last();
  }

  return {
    get length() {
      return ids.length;
    },
    prefill,
    async step(id) {
      ids.push(id);
      const stretched = layers.some(({ spec }) => isStretched(spec.attention?.rope, ids.length));
      return stretched ? await prefill(Int32Array.from(ids)) : await last();
    },
    async release() {
      await programs.release();
      await release();
    },
  };
}

/** The layers that run something, dropped modules as null. */
function keptModules(layers: readonly LayerSpec[], plan: DropPlan): StepLayer[] {
  return layers.map((layer, l) => ({
    l,
    spec: {
      ...layer,
      attention: plan.attention.includes(l) ? null : layer.attention,
      mlp: plan.mlp.includes(l) ? null : layer.mlp,
    },
  })).filter(({ spec }) => spec.attention || spec.mlp);
}

/** Stores the keys and values of a prompt, but for its last token: that one is run as a step, which gives the logits. */
function cacheProbe(caches: ReadonlyMap<number, KvCache>): Probe {
  return {
    attention: ({ k, v }) => ({ k, v }),
    observeAttention({ layer, length, outputs }) {
      const [k, v] = [outputs.k.data, outputs.v.data] as Float32Array[];
      const width = k.length / length;
      for (let start = 0; start < (length - 1) * width; start += width) {
        caches.get(layer)!.append(k.subarray(start, start + width), v.subarray(start, start + width));
      }
    },
  };
}

function isStretched(rope: RopeSpec | undefined, tokens: number): boolean {
  return rope?.scaling?.type === "dynamic" && tokens > rope.scaling.maxPositions;
}

async function rows(engine: Engine, held: Held): Promise<Float32Array> {
  return (await take(engine, held)).data as Float32Array;
}

function cacheFeeds(stage: Stage, caches: ReadonlyMap<number, KvCache>): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [i, { l }] of stage.layers.entries()) {
    const cache = caches.get(l);
    if (cache) Object.assign(feeds, { [`${i}.keys`]: cache.keys, [`${i}.values`]: cache.values });
  }
  return feeds;
}

/** Masks and table rows of all layers at a position, by the names the graphs give them. */
function sharedFeeds(
  layers: readonly StepLayer[],
  position: number,
  tables: RotaryRows,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { spec: { attention } } of layers) {
    if (!attention) continue;
    const names = rotaryNames(attention.rope);
    const mask = maskName(attention.window);
    feeds[mask] ??= slotMask(position, attention.window);
    if (names.cos in feeds) continue;
    const { cos, sin } = tables(attention.rope, position);
    Object.assign(feeds, { [names.cos]: cos, [names.sin]: sin });
  }
  return feeds;
}

type RotaryRows = (rope: RopeSpec, position: number) => { cos: Tensor; sin: Tensor };

/** Rows [1, R/2] of the rotations' tables; a table doubles when it ends, unless the text's length decides what is in it. */
function rotaryRows(): RotaryRows {
  const tables = new Map<string, { cos: Tensor; sin: Tensor }>();
  return (rope, position) => {
    const key = JSON.stringify(rope);
    const half = rope.size / 2;
    let table = tables.get(key);
    if (isStretched(rope, position + 1)) table = ropeTables(rope, position + 1);
    else if (!table || table.cos.shape[0] <= position) {
      const trained = rope.scaling?.type === "dynamic" ? rope.scaling.maxPositions : Infinity;
      table = ropeTables(rope, Math.min(trained, 2 ** Math.ceil(Math.log2(position + 256))));
      tables.set(key, table);
    }
    const row = ({ data }: Tensor) =>
      float32([1, half], (data as Float32Array).subarray(position * half, (position + 1) * half));
    return { cos: row(table.cos), sin: row(table.sin) };
  };
}
