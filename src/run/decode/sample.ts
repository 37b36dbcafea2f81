/**
 * The next token of logits: the largest, or a draw.
 *
 * The random number of the n-th draw is a function of the seed and n (Philox), so the same seed gives the same text, and
 * two models run side by side draw with the same numbers: where their texts diverge, the models did.
 * Nucleus sampling: Holtzman et al., "The curious case of neural text degeneration" (ICLR 2020).
 */
import { philox } from "../../tensor/mod.ts";
import type { Decoder } from "./decode.ts";

/** How to draw; temperature 0 takes the largest. */
interface SampleOptions {
  /** Divides the logits. */
  readonly temperature: number;
  /** Draws from the most probable tokens with this total probability, 0 to 1. */
  readonly topP: number;
  /** A whole number below 2^53. */
  readonly seed: number;
}

/** A token that a draft proposes, and the distribution from which it was drawn (null: the most probable one was taken). */
export interface Drafted {
  readonly id: number;
  readonly from: Float64Array | null;
}

export interface Sampler {
  next(logits: Float32Array): number;
  /** The same by the logits of a draft. */
  draft(logits: Float32Array): Drafted;
  /**
   * What the model's own logits make of a drafted token: its id if it is accepted, else another in its place. The result is distributed
   * as `next` is, whatever the draft (Leviathan et al., arXiv 2211.17192, appendix A.1).
   */
  judge(logits: Float32Array, drafted: Drafted): number;
}

/** Opens a sampler. Throws `RangeError` for options out of range. */
export function sampler({ temperature, topP, seed }: SampleOptions): Sampler {
  if (!(temperature >= 0 && temperature < Infinity)) {
    throw new RangeError(`Cannot sample with temperature ${temperature}: expected a number of at least 0`);
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new RangeError(`Cannot sample with top-p ${topP}: expected a number above 0 and at most 1`);
  }
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new RangeError(`Cannot sample with seed ${seed}: expected a whole number below 2^53`);
  }
  if (temperature === 0) {
    return { next: argmax, draft: (logits) => ({ id: argmax(logits), from: null }), judge: argmax };
  }
  let draws = 0;
  const uniform = () => {
    const [word] = philox([draws++, 0, 0, 0], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)]);
    return word / 2 ** 32;
  };
  const distribution = (logits: Float32Array) => nucleus(probabilities(logits, temperature), topP);
  return {
    next: (logits) => draw(distribution(logits), uniform()),
    draft(logits) {
      const from = distribution(logits);
      return { id: draw(from, uniform()), from };
    },
    judge: (logits, drafted) => accepted(distribution(logits), drafted, uniform),
  };
}

/** The drafted id with the probability min(1, p / q), else a draw from what p has beyond q. */
function accepted(p: Float64Array, { id, from }: Drafted, uniform: () => number): number {
  const q = (word: number) => from ? from[word] : word === id ? 1 : 0;
  if (uniform() * q(id) < p[id]) return id;
  const rest = p.map((own, word) => Math.max(0, own - q(word)));
  return rest.some((weight) => weight > 0) ? draw(rest, uniform()) : id; // p and q differ by rounding alone
}

/** The first of the largest logits. */
function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

function probabilities(logits: Float32Array, temperature: number): Float64Array {
  const largest = logits[argmax(logits)];
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = weights.reduce((total, weight) => total + weight);
  return weights.map((weight) => weight / sum);
}

/** The word at which the cumulative weight passes `uniform`, 0 to 1, times its whole. */
function draw(weights: Float64Array, uniform: number): number {
  const target = uniform * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  let last = 0;
  for (const [id, weight] of weights.entries()) {
    if (weight === 0) continue;
    last = id;
    sum += weight;
    if (sum > target) return id;
  }
  return last; // rounding left the sum short of the target
}

/** The most probable words that have `topP` together, among which p is divided anew; the others have 0. */
function nucleus(p: Float64Array, topP: number): Float64Array {
  if (topP === 1) return p;
  // Words below this share have less than 1 − topP together: none of them can belong.
  const least = (1 - topP) / p.length;
  const ranked = [...p.keys()].filter((id) => p[id] >= least).sort((a, b) => p[b] - p[a]);
  let sum = 0;
  const size = ranked.findIndex((id) => (sum += p[id]) >= topP);
  const kept = size < 0 ? ranked : ranked.slice(0, size + 1);
  const shares = new Float64Array(p.length);
  for (const id of kept) shares[id] = p[id] / sum;
  return shares;
}

export interface Round {
  /** Accepted tokens, and one of the model's own behind them, which is not read yet. */
  readonly ids: readonly number[];
  readonly drafted: number;
  /** Of those, the ones accepted. */
  readonly accepted: number;
  /** Among the tokens written, those whose two best logits were nearly equal, relative to the largest. */
  readonly ties: number;
}

interface RoundOptions {
  readonly sampler: Sampler;
  /** Tokens to draft at most. */
  readonly tokens: number;
  /** Tokens that are proposed without the decoder's draft, which then drafts none. */
  readonly proposed?: readonly number[] | undefined;
  /** The number of words that the tokenizer has; an embedding may have more rows. */
  readonly words: number;
}

/**
 * Logits as near as this, relative to the largest, can change places between a run of one row and a run of several: products of
 * float32 add up in another order.
 */
const NEARLY_EQUAL = 1e-5;

/**
 * A round of drafting: some modules of the model, or the text itself, propose tokens, and the whole model judges them at once. Reads the last token that
 * was written, `id`, and writes at least one more.
 *
 * Both read and write the same keys and values. The draft's are approximate, so the model's own run overwrites them, and those of
 * rejected tokens are cut. The text is the one that the model alone would write: the same ids where it takes the most probable token
 * (except where two logits are nearer than kernels for one row and for several differ), the same distribution where it draws.
 *
 * Leviathan et al., "Fast inference from transformers via speculative decoding" (ICML 2023, arXiv 2211.17192); a model's own layers as
 * its draft: Zhang et al., "Draft & Verify" (ACL 2024).
 */
export async function draftRound(
  decoder: Decoder,
  id: number,
  { sampler, tokens, words, proposed }: RoundOptions,
): Promise<Round> {
  const rowsOf = (logits: Float32Array, i: number, rows: number) => {
    const width = logits.length / rows;
    return logits.subarray(i * width, i * width + words);
  };
  const start = decoder.length;
  const drafted: Drafted[] = [];
  if (proposed && proposed.length > 0 && decoder.canExtend(proposed.length + 1)) {
    decoder.mark();
    drafted.push(...proposed.map((id) => ({ id, from: null })));
  } else if (!proposed && tokens > 0 && decoder.canExtend(tokens + 1)) {
    decoder.mark();
    for (let last = id; drafted.length < tokens; last = drafted[drafted.length - 1].id) {
      drafted.push(sampler.draft(rowsOf(await decoder.draft(last), 0, 1)));
    }
    await decoder.cut(start);
  }
  const asked = drafted.length + 1;
  const logits = drafted.length === 0
    ? await decoder.step([id])
    : await decoder.extend([id, ...drafted.map(({ id }) => id)]);
  const ids: number[] = [];
  let ties = 0;
  for (let i = 0; i < asked; i++) {
    const own = rowsOf(logits, i, asked);
    ties += isTie(own) ? 1 : 0;
    const chosen = i < drafted.length ? sampler.judge(own, drafted[i]) : sampler.next(own);
    ids.push(chosen);
    if (chosen !== drafted[i]?.id) break;
  }
  const accepted = ids.length - 1;
  if (accepted < drafted.length) await decoder.cut(start + 1 + accepted);
  return { ids, drafted: drafted.length, accepted, ties };
}

function isTie(logits: Float32Array): boolean {
  let [best, second] = [-Infinity, -Infinity];
  let largest = 0;
  for (const logit of logits) {
    if (logit > best) [best, second] = [logit, best];
    else if (logit > second) second = logit;
    largest = Math.max(largest, Math.abs(logit));
  }
  return best - second <= NEARLY_EQUAL * largest;
}
