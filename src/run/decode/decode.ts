/**
 * One sequence, or several of the same length side by side, token by token.
 *
 * New tokens, a prompt or the one that follows, pass through one graph with the keys and values of those before: the layers that
 * fit the budget are constants of it, packed for products with a single row, and a layer beyond the budget is leased for each
 * read and fed as it is stored. A dropped attention has no keys, a dropped MLP is not run; keys that a window has left are freed.
 *
 * Dynamic rope turns all positions by the length of the text. Beyond the trained length every token therefore changes
 * the keys of all before it, and the text is read again: what one pass over the text so far gives, not what keys of
 * old rotations would.
 */
import type { Engine, Has, Held } from "../../engine/mod.ts";
import {
  type Model,
  type RopeSpec,
  ropeTables,
  rotaryNames,
  rotationRegime,
  scoring,
  sight,
} from "../../models/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { openEmbedder } from "../embed.ts";
import { areFinite, takeSquares } from "../finite.ts";
import { forward } from "../forward.ts";
import { freeAll, take, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";
import { type DropPlan, noDrop } from "../../measure/mod.ts";
import { headNotFinite } from "../head/head.ts";
import { type Memory, openMemory } from "./memory.ts";
import { changedModel } from "../plan/variants.ts";
import type { RunStage, Stage, StepLayer } from "./stage.ts";
import { openStages } from "./stages.ts";

/** Options of decoding. */
export interface DecoderOptions {
  readonly model: Model;
  readonly engine: Engine;
  readonly plan?: DropPlan | undefined;
  /** Bytes of weights to keep in memory; default: all that the engine has for weights, of which it then claims what it keeps. */
  readonly budget?: number | undefined;
  /** Texts side by side, all of the same length; default: 1. */
  readonly texts?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A model that reads B texts and predicts what follows each. Throws `RangeError` if numbers are not finite. */
export interface Decoder {
  /** Tokens of each text read so far. */
  readonly length: number;
  /** Bytes of the keys and values that are held of them. */
  readonly keyBytes: number;
  /** Starts over with a prompt of at least one token for each text; returns the logits [B · V] of the next tokens. */
  prefill(...prompts: Int32Array[]): Promise<Float32Array>;
  /** Reads one more token of each text; returns the logits [B · V] of the next tokens. */
  step(...ids: number[]): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Opens a decoder; reads the weights that it keeps. */
export async function decoder(options: DecoderOptions): Promise<Decoder> {
  const { model, engine, plan = noDrop, texts = 1, signal } = options;
  const changed = changedModel(model, plan);
  const layers: StepLayer[] = changed.spec.layers.map((spec, l) => ({ l, spec }))
    .filter(({ spec }) => spec.attention || spec.mlp);
  const { stages, release } = await stagesWithin(options, changed, layers);
  const tables = rotaryRows();
  const programs = openPrograms(engine);
  const embedder = openEmbedder(model, engine, programs);
  const caches = new Map<number, Memory>();
  let read: number[][] = []; // of each text

  /** Throws the error of the module where numbers cease to be finite: the executor meets it in the same text. */
  async function blame(stage: Stage): Promise<never> {
    const segments = read.map((ids) => ({ ids: Int32Array.from(ids), past: null }));
    await forward({ model, engine, segments, plans: [plan], signal });
    const [first, last] = [stage.layers[0].l, stage.layers.at(-1)!.l];
    throw new RangeError(
      `Cannot run ${model.name}: layers ${first} to ${last} produce non-finite numbers, expected finite ones`,
    );
  }

  /** Runs the tokens from `start` on, what is before them having run already. */
  async function runFrom(start: number): Promise<Float32Array> {
    const parts = partsOf(start, read[0].length, texts);
    const streams: Held[] = [];
    try {
      for (const [first, end] of parts) {
        const ids = Int32Array.from(read.flatMap((text) => text.slice(first, end)));
        const positions = ids.map((_, i) => first + i % (end - first));
        streams.push(await embedder.embed(ids, { positions, signal }));
      }
      for (const stage of stages) {
        await stage.with(async (run) => {
          for (const [i, part] of parts.entries()) {
            if (stage.layers.length === 0 && i < parts.length - 1) continue; // the head is for the last tokens
            const next = await through(stage, run, streams[i], part);
            streams[i].free();
            streams[i] = next;
          }
        });
      }
      return (await take(engine, streams[streams.length - 1])).data as Float32Array;
    } finally {
      freeAll(streams);
    }
  }

  /** A stage for tokens [first, end): what it makes of their stream x, or the last ones' logits. */
  async function through(stage: Stage, run: RunStage, x: Held, [first, end]: Part): Promise<Held> {
    const tokens = end - first;
    const feeds: Record<string, Held> = { x };
    const into: Record<string, Held> = {};
    const keys = stage.layers.flatMap(({ l, spec }, i) =>
      spec.attention ? [{ cache: caches.get(l)!, prefix: `${i}.` }] : []
    );
    for (const { cache, prefix } of keys) {
      const opened = await cache.open(prefix, tokens);
      Object.assign(feeds, opened.feeds);
      Object.assign(into, opened.into);
    }
    const { squares, head_squares, ...outputs } = await withUploaded(
      engine,
      sharedFeeds(
        stage.layers,
        engine.has,
        { tokens, texts, past: (l) => caches.get(l)!.rows },
        (rope) => tables(rope, [first, end], read[0].length),
      ),
      (shared) => run({ ...shared, ...feeds }, { signal, into }),
    );
    for (const { cache, prefix } of keys) cache.close(prefix, outputs, tokens);
    const given = outputs.y ?? outputs.logits;
    try {
      if (squares && !areFinite(await takeSquares(engine, squares))) await blame(stage);
      if (head_squares && !areFinite(await takeSquares(engine, head_squares))) {
        throw await headNotFinite(model);
      }
      return given;
    } catch (error) {
      given.free();
      throw error;
    }
  }

  function forget(): void {
    for (const cache of caches.values()) cache.free();
    caches.clear();
  }

  function expectTexts(found: number): void {
    if (found !== texts) throw new RangeError(`Cannot read ${found} texts: expected ${texts} side by side`);
  }

  async function prefill(...prompts: Int32Array[]): Promise<Float32Array> {
    expectTexts(prompts.length);
    const [{ length }] = prompts;
    if (length === 0) throw new RangeError("Cannot read an empty prompt: expected at least one token");
    const other = prompts.find((prompt) => prompt.length !== length);
    if (other) {
      throw new RangeError(
        `Cannot read texts of ${length} and ${other.length} tokens side by side: expected equal lengths`,
      );
    }
    read = prompts.map((prompt) => [...prompt]);
    forget();
    for (const { l, spec } of layers) {
      const { attention } = spec;
      if (attention) caches.set(l, openMemory(engine, programs, attention, texts));
    }
    return await runFrom(0);
  }

  return {
    get length() {
      return read[0]?.length ?? 0;
    },
    get keyBytes() {
      return [...caches.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    prefill,
    async step(...ids) {
      expectTexts(ids.length);
      read.forEach((text, i) => text.push(ids[i]));
      const { length } = read[0];
      const turned = layers.some(({ spec }) => isTurned(scoring(spec.attention)?.rope ?? null, length));
      return turned ? await prefill(...read.map((text) => Int32Array.from(text))) : await runFrom(length - 1);
    },
    async release() {
      forget();
      await programs.release();
      await release();
    },
  };
}

/** The stages of a model, which take the place of weights that stay at hand between passes. */
async function stagesWithin(
  { engine, budget, texts = 1 }: DecoderOptions,
  model: Model,
  layers: readonly StepLayer[],
): Promise<{ stages: Stage[]; release(): Promise<void> }> {
  const { residents, has } = engine;
  if (budget !== undefined) return await openStages(model, engine, layers, { budget, texts });
  residents?.clear();
  const room = residents?.left ?? has.memoryBytes;
  const { stages, bytes, release } = await openStages(model, engine, layers, { budget: room, texts });
  const giveBack = residents?.claim(bytes);
  return {
    stages,
    async release() {
      await release();
      giveBack?.();
    },
  };
}

/** Tokens [first, end). */
type Part = readonly [first: number, end: number];

/** Tokens of all texts that are read at once: what a graph watches takes a quarter of a megabyte for each in a small model. */
const READ = 128;

/** Tokens [start, end) of each text as they are read. */
export function partsOf(start: number, end: number, texts: number): Part[] {
  const most = Math.max(1, Math.floor(READ / texts));
  return Array.from(
    { length: Math.ceil((end - start) / most) },
    (_, i) => [start + i * most, Math.min(start + (i + 1) * most, end)] as const,
  );
}

/** Whether the last of so many tokens changes the rotation of those before it. */
function isTurned(rope: RopeSpec | null, tokens: number): boolean {
  return rope !== null && rotationRegime(rope, tokens) !== rotationRegime(rope, tokens - 1);
}

/** New tokens of some texts, after the rows that the memory of layer `l` holds. */
interface New {
  readonly tokens: number;
  readonly texts: number;
  past(l: number): number;
}

/** What layers share: table rows, and what attention sees. By the names the graphs give them. */
function sharedFeeds(
  layers: readonly StepLayer[],
  has: Has,
  { tokens, texts, past }: New,
  rowsOf: (rope: RopeSpec) => { cos: Tensor; sin: Tensor },
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  const seen = new Set<string>();
  for (const { l, spec } of layers) {
    const attention = scoring(spec.attention);
    if (!attention) continue;
    const { headSize, window, firstKeys } = attention;
    const key = `${headSize} ${window} ${firstKeys}`;
    if (!seen.has(key)) {
      Object.assign(feeds, sight(attention, has, { past: past(l), tokens, texts }));
      seen.add(key);
    }
    if (!attention.rope) continue;
    const names = rotaryNames(attention.rope);
    if (names.cos in feeds) continue;
    const { cos, sin } = rowsOf(attention.rope);
    Object.assign(feeds, { [names.cos]: cos, [names.sin]: sin });
  }
  return feeds;
}

/** Rows of a rotation's tables for a part of a text of `length` tokens. */
type RotaryRows = (rope: RopeSpec, part: Part, length: number) => { cos: Tensor; sin: Tensor };

/** A table doubles when it ends, unless the text's length decides what is in it. */
function rotaryRows(): RotaryRows {
  const tables = new Map<string, { cos: Tensor; sin: Tensor; regime: number }>();
  return (rope, [first, end], length) => {
    const key = JSON.stringify(rope);
    const half = rope.size / 2;
    const regime = rotationRegime(rope, length);
    let table = tables.get(key);
    if (!table || table.regime !== regime || table.cos.shape[0] < end) {
      const more = 2 ** Math.ceil(Math.log2(length + 255));
      const rows = rotationRegime(rope, more) === regime ? more : length;
      table = { ...ropeTables(rope, rows), regime };
      tables.set(key, table);
    }
    const rows = ({ data }: Tensor) =>
      float32([end - first, half], (data as Float32Array).subarray(first * half, end * half));
    return { cos: rows(table.cos), sin: rows(table.sin) };
  };
}
