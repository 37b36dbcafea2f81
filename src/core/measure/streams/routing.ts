/**
 * What a mixture's router does with the tokens of one sample: how often each expert is chosen, and how undecided it is.
 *
 * The entropy is that of the softmax of the logits over all X experts, whatever the model makes of them: from 0, where one expert has
 * all, to ln X, where none is preferred.
 */

/** Sums over the tokens of one sample. */
export interface RoutingSums {
  /** Tokens that have chosen each expert [X]. */
  readonly load: number[];
  /** Σ entropy of a token's distribution, nats. */
  readonly entropy: number;
  readonly tokens: number;
}

/** The sums for logits [T, X] and the experts that were chosen [T · k]. */
export function sumRouting(logits: Float32Array, chosen: BigInt64Array, experts: number): RoutingSums {
  const load = Array<number>(experts).fill(0);
  for (const expert of chosen) load[Number(expert)]++;
  const tokens = logits.length / experts;
  let entropy = 0;
  for (let token = 0; token < tokens; token++) {
    entropy += entropyOf(logits.subarray(token * experts, (token + 1) * experts));
  }
  return { load, entropy, tokens };
}

/** ln Σ e^z − Σ p z, with the largest logit taken off first. */
function entropyOf(logits: Float32Array): number {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let [sum, weighted] = [0, 0];
  for (const logit of logits) {
    const weight = Math.exp(logit - most);
    sum += weight;
    weighted += weight * (logit - most);
  }
  return Math.log(sum) - weighted / sum;
}
