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
import { noDrop } from "../../measure/mod.ts";
import { openPrograms } from "../programs.ts";
import { type Memory, openMemory } from "./memory.ts";
import { passing } from "./passing.ts";
import { isTurned, READ } from "./shared.ts";
import { type DecoderOptions, openReaders, type Reader } from "./stages.ts";

/** Tokens that can be cut off a text behind a window: those of a round of drafting. */
export const MOST_CUT = 64;

/** A model that reads B texts and predicts what follows each. Throws `RangeError` if numbers are not finite. */
export interface Decoder {
  /** Tokens of each text read so far. */
  readonly length: number;
  /** Bytes of the keys and values that are held of them. */
  readonly keyBytes: number;
  /** Starts over with a prompt of at least one token for each text; returns the logits [B · V] of the next tokens. */
  prefill(prompts: readonly Int32Array[]): Promise<Float32Array>;
  /** Reads one more token of each text; returns the logits [B · V] of the next tokens. */
  step(ids: readonly number[]): Promise<Float32Array>;
  /** Reads K more tokens of one text at once; returns the logits [K · V] of those that follow each. */
  extend(ids: readonly number[]): Promise<Float32Array>;
  /** Reads as `step` does, with the plan that drafts. Its keys are approximate: `cut` them before reading with the model. */
  draft(id: number): Promise<Float32Array>;
  /** Whether K more tokens can be read at once: not where positions of dynamic rope turn with each. */
  canExtend(tokens: number): boolean;
  /** Keeps this length, to which `cut` can go back cheaply in every model. */
  mark(): void;
  /** Forgets the tokens of each text after the first `length`: at most `MOST_CUT` of the longest so far, and none before the mark. */
  cut(length: number): Promise<void>;
  release(): Promise<void>;
}

/** Opens a decoder; reads the weights that it keeps. Throws `RangeError` for a draft with a memory that the model does not have. */
export async function decoder(options: DecoderOptions): Promise<Decoder> {
  const { model, engine, plan = noDrop, texts = 1, draft, cuts = draft !== undefined, signal, onRead } =
    options;
  const { main, drafting, release } = await openReaders(options);
  const programs = openPrograms(engine);
  const caches = new Map<number, Memory>();
  const pass = passing(model, { engine, programs, caches, plan, texts, signal, onRead });
  let read: number[][] = []; // of each text
  let marked = 0;
  let furthest = 0; // the longest that the texts have been: a window has freed keys before that
  let drafted = Infinity; // the length from which on keys are a draft's

  /** Runs the tokens from `start` on: the logits of the last `answers` of each text. */
  const runFrom = (start: number, { stages }: Reader = main, answers = 1) =>
    pass.run(read, start, stages, answers);

  function forget(): void {
    for (const cache of caches.values()) cache.free();
    caches.clear();
  }

  function expectTexts(found: number): void {
    if (found !== texts) throw new RangeError(`Cannot read ${found} texts: expected ${texts} side by side`);
  }

  async function prefill(prompts: readonly Int32Array[]): Promise<Float32Array> {
    expectTexts(prompts.length);
    if (prompts[0].length === 0) {
      throw new RangeError("Cannot read an empty prompt: expected at least one token");
    }
    expectEqual(prompts);
    read = prompts.map((prompt) => [...prompt]);
    [marked, furthest, drafted] = [0, length(), Infinity];
    forget();
    for (const { l, spec } of main.layers) {
      if (!spec.attention) continue;
      caches.set(l, openMemory(engine, programs, spec.attention, texts, cuts ? MOST_CUT : 0));
    }
    return await runFrom(0);
  }

  /** Adds tokens that a reader is about to read: the model's own only where no keys are a draft's. */
  function add(ids: readonly (readonly number[])[], reader: Reader): void {
    expectTexts(ids.length);
    if (length() === 0) throw new RangeError("Cannot read on: nothing is read yet, expected a prompt");
    if (reader !== main) drafted = Math.min(drafted, length());
    else if (drafted < Infinity) {
      throw new RangeError(
        `Cannot read on behind drafted tokens: expected a cut to ${drafted} or fewer tokens`,
      );
    }
    read.forEach((text, i) => ids[i].forEach((id) => text.push(id)));
    furthest = Math.max(furthest, length());
  }

  const length = () => read[0]?.length ?? 0;
  /** The least length that texts can be cut to. */
  const shortest = () => Math.max(1, marked, furthest - MOST_CUT);
  const canExtend = (tokens: number) => !isTurned(main.layers, length(), length() + tokens);

  async function step(reader: Reader, ids: readonly number[]): Promise<Float32Array> {
    const isPlain = canExtend(1);
    add(ids.map((id) => [id]), reader);
    return isPlain
      ? await runFrom(length() - 1, reader)
      : await prefill(read.map((text) => Int32Array.from(text)));
  }

  return {
    get length() {
      return length();
    },
    get keyBytes() {
      return [...caches.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    prefill,
    canExtend,
    step: (ids) => step(main, ids),
    async draft(id) {
      if (!draft) throw new TypeError("Cannot draft: expected a decoder with a plan that drafts");
      return await step(drafting, [id]);
    },
    async extend(ids) {
      const most = canExtend(ids.length) ? READ : 1;
      if (!(ids.length >= 1 && ids.length <= most)) {
        throw new RangeError(`Cannot read ${ids.length} tokens at once: expected 1 to ${most}`);
      }
      add([ids], main);
      return await runFrom(length() - ids.length, main, ids.length);
    },
    mark() {
      marked = length();
      for (const cache of caches.values()) cache.mark();
    },
    async cut(to) {
      if (!(Number.isInteger(to) && to >= shortest() && to <= length())) {
        throw new RangeError(`Cannot cut ${length()} tokens to ${to}: expected ${shortest()} to ${length()}`);
      }
      const isStateful = [...caches.values()].some(({ hasState }) => hasState);
      const again = isStateful && to < length() ? marked : to;
      if (again === 0 || isTurned(main.layers, to, length())) {
        await prefill(read.map((text) => Int32Array.from(text.slice(0, to))));
        return;
      }
      if (again <= drafted) drafted = Infinity;
      for (const cache of caches.values()) await cache.cutTo(Math.min(again, cache.length));
      read = read.map((text) => text.slice(0, to));
      if (again < to) await runFrom(again);
    },
    async release() {
      forget();
      await programs.release();
      await release();
    },
  };
}

function expectEqual(texts: readonly { readonly length: number }[]): void {
  const other = texts.find(({ length }) => length !== texts[0].length);
  if (!other) return;
  throw new RangeError(
    `Cannot read texts of ${texts[0].length} and ${other.length} tokens side by side: expected equal lengths`,
  );
}
