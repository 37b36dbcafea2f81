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
import { isTurned } from "./shared.ts";
import { type DecoderOptions, openReader } from "./stages.ts";

/** A model that reads B texts and predicts what follows each. Throws `RangeError` if numbers are not finite. */
export interface Decoder {
  /** Bytes of the keys and values that are held of them. */
  readonly keyBytes: number;
  /** Starts over with a prompt of at least one token for each text; returns the logits [B · V] of the next tokens. */
  prefill(prompts: readonly Int32Array[]): Promise<Float32Array>;
  /** Reads one more token of each text; returns the logits [B · V] of the next tokens. */
  step(ids: readonly number[]): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Opens a decoder; reads the weights that it keeps. */
export async function decoder(options: DecoderOptions): Promise<Decoder> {
  const { model, engine, plan = noDrop, texts = 1, signal, onRead } = options;
  const { layers, stages, release } = await openReader(options);
  const programs = openPrograms(engine);
  const caches = new Map<number, Memory>();
  const pass = passing(model, { engine, programs, caches, plan, texts, signal, onRead });
  let read: number[][] = []; // of each text

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
    forget();
    for (const { l, spec } of layers) {
      if (spec.attention) caches.set(l, openMemory(engine, programs, spec.attention, texts));
    }
    return await pass.run(read, 0, stages);
  }

  return {
    get keyBytes() {
      return [...caches.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    prefill,
    async step(ids) {
      expectTexts(ids.length);
      if (read.length === 0) throw new RangeError("Cannot read on: nothing is read yet, expected a prompt");
      const [{ length }] = read;
      read.forEach((text, i) => text.push(ids[i]));
      return isTurned(layers, length, length + 1)
        ? await prefill(read.map((text) => Int32Array.from(text)))
        : await pass.run(read, length, stages);
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
