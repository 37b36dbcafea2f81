/** Random orders that are a function of their seed alone: the same on every machine, whatever was drawn before. */
import { philox, seedKey } from "./random.ts";

/** The last word of the counter: orders share no words with the weights and draws of the same seed, which have 0 there. */
const ORDERS = 1;

/**
 * A random order of 0 … n − 1: Fisher–Yates, swap i by the Philox word number i. Orders are equally likely to within n / 2^32.
 * Throws `RangeError` for a seed that is not a whole number below 2^53.
 */
export function permutation(n: number, seed: number): number[] {
  const key = seedKey(seed);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const [word] = philox([i, 0, 0, ORDERS], key);
    const j = Math.floor(word / 2 ** 32 * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
