/**
 * The next token of logits: the largest, or a draw.
 *
 * The random number of the n-th draw is a function of the seed and n (Philox), so the same seed gives the same text, and
 * two models run side by side draw with the same numbers: where their texts diverge, the models did.
 * Nucleus sampling: Holtzman et al., "The curious case of neural text degeneration" (ICLR 2020).
 */
import { philox } from "../../tensor/mod.ts";

/** How to draw; temperature 0 takes the largest. */
interface SampleOptions {
  /** Divides the logits. */
  readonly temperature: number;
  /** Draws from the most probable tokens with this total probability, 0 to 1. */
  readonly topP: number;
  /** A whole number below 2^53. */
  readonly seed: number;
}

export interface Sampler {
  next(logits: Float32Array): number;
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
  if (temperature === 0) return { next: argmax };
  let draws = 0;
  const uniform = () => {
    const [word] = philox([draws++, 0, 0, 0], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)]);
    return word / 2 ** 32;
  };
  return { next: (logits) => draw(nucleus(probabilities(logits, temperature), topP), uniform()) };
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
