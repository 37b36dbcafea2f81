/**
 * Text for a model without a tokenizer: ids drawn from Zipf's law, rank r with probability ∝ 1/r, roughly the word
 * frequencies of real text. For random weights only repetition matters, and ids are ranks.
 */
import { expect, optionsOf, wholeNumber } from "../entry/mod.ts";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Blocks, MAX_TOKENS } from "../text/mod.ts";
import { philox } from "../tensor/mod.ts";
import { type Packed, textHash, type TextOptions } from "./texts.ts";

/** The text is one and the same for every model of a vocabulary; its first blocks are those of a longer one. */
const KEYS = [0x5a495046, 0] as const;

/**
 * Draws a text of word ids from Zipf's law, in blocks. The r-th word of the vocabulary
 * has a probability proportional to 1/r.
 *
 * @example
 * ```ts
 * import { zipfText } from "lamina/init";
 *
 * const { blocks } = zipfText(1000, { samples: 2, length: 16 });
 * console.log(blocks.ids); // 2 blocks of 16 words below 1000
 * ```
 */
export function zipfText(vocabulary: number, options: Pick<TextOptions, "samples" | "length">): Packed {
  expect("draw a text", "options", options, optionsOf({ samples: wholeNumber(1), length: wholeNumber(1) }));
  const { samples, length } = options;
  const drawing = draw(vocabulary, samples, length);
  for (;;) {
    const { done, value } = drawing.next();
    if (done) return value;
  }
}

/** The same, in pieces between which the signal is heard. */
export async function drawText(
  vocabulary: number,
  samples: number,
  length: number,
  signal?: AbortSignal,
): Promise<Packed> {
  const drawing = draw(vocabulary, samples, length);
  for (;;) {
    signal?.throwIfAborted();
    const { done, value } = drawing.next();
    if (done) return value;
    await nextTurn();
  }
}

/** Words that are drawn at once: 2 µs each. */
const PIECE = 2 ** 14;

function* draw(vocabulary: number, samples: number, length: number): Generator<void, Packed> {
  for (const [name, value] of Object.entries({ vocabulary, samples, length })) {
    expect("draw a text", name, value, wholeNumber(1));
  }
  expect("draw a text", "samples × length", samples * length, wholeNumber(1, MAX_TOKENS));
  const blocks: Blocks = { ids: new Int32Array(samples * length), samples, length };
  const wordAt = zipfWords(vocabulary);
  for (let place = 0; place < blocks.ids.length; place++) {
    blocks.ids[place] = wordAt(place);
    if (place % PIECE === PIECE - 1) yield;
  }
  return {
    blocks,
    text: { name: "zipf", hash: textHash(blocks) },
    packing: { samples, length, skip: 0, bos: false },
  };
}

/** The word at a place of the text. */
function zipfWords(vocabulary: number): (place: number) => number {
  const cumulative = new Float64Array(vocabulary);
  let total = 0;
  for (let rank = 1; rank <= vocabulary; rank++) cumulative[rank - 1] = total += 1 / rank;
  return (place) => {
    const [word] = philox([place, 0, 0, 0], KEYS);
    return firstAbove(cumulative, word / 2 ** 32 * total);
  };
}

/** The first index whose value lies above `limit`, in ascending values of which the last does. */
function firstAbove(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
