/**
 * What an untrained model's modules do to the residual stream, in closed form: nothing is run, a T × T kernel is passed
 * through the layers instead.
 *
 * Let C(t, s) = E x_t·x_s / D over the draw of the weights, all independent normals of standard deviation σ (σ_r for the
 * projections onto the stream), and N the same of the normed stream. Then, with s = Dσ²,
 *
 *     attention    U = s H E σ_r² · A N Aᵀ            A the causal attention, uniform where logits hardly vary
 *     gated MLP    U = F σ_r² · (s N) ∘ K(N)          K(t, s) = E f(g_t) f(g_s), g normal with covariance s N
 *     plain MLP    U = F σ_r² · K(N)
 *
 * and C ← C + U, since a fresh random matrix points anywhere: u ⟂ x. So 1 − cos(x, x + u) = 1 − 1/√(1 + r²), r² = U_tt/C_tt. A
 * norm behind the module divides U by its diagonal. K is Mehler's series: Σ c_k(t) c_k(s) ρ^k, c_k the Hermite coefficients
 * of the activation. Logits of variance τ² weigh pairs of one key up to e^{τ²N_ts} times as much as uniform attention does
 * (effective_keys.ts); what they have in common over the keys, a softmax does not see.
 *
 * Sources: the signal propagation of Xiong et al. (arXiv 2002.04745) and of Giorlandino & Goldt (arXiv 2505.24333), at
 * finite T, for gated MLPs and any place of the norms.
 *
 * Limits: expectations over D → ∞ (some per cent off at D = 500, more from one seed). That keys of the same word have similar
 * logits is ignored: about 10 % too much attention where τ² is near 1, 5 % at the width of Llama-2-7B (τ² = 2.7). Windows,
 * soft caps on scores and biases are ignored.
 */

import { importanceOf } from "core/measure/mod.ts";
import { keyWeight } from "./effective_keys.ts";

/** What the kernel depends on. */
export interface Untrained {
  /** D, L, H · E, F. */
  readonly hidden: number;
  readonly layers: number;
  readonly attentionWidth: number;
  readonly feedForward: number;
  readonly gated: boolean;
  readonly activation: (x: number) => number;
  /** Of the norms. */
  readonly placement: "pre" | "peri" | "post";
  /** Of the norms; where one follows a module of a tiny stream (OLMo 2's first layer), it counts. */
  readonly epsilon: number;
  /** Whether the MLP reads what attention reads. */
  readonly parallel: boolean;
  readonly std: number;
  readonly residualStd: number;
  readonly embeddingScale: number;
  /** Variance of a logit in units of (s N_tt)(s N_ss), E scale²; or of the logit itself where q and k are normed. */
  readonly logitScale: number;
  readonly qkNorm: boolean;
}

/** The predicted importance by layer, and the largest variance of a logit in any layer. */
export interface Predicted {
  /** Importance of attention by layer [L]. */
  readonly attention: readonly number[];
  /** Importance of the MLP by layer [L]. */
  readonly mlp: readonly number[];
  /** Importance of the block by layer [L]. */
  readonly block: readonly number[];
  /** Largest variance of the attention logits over the layers. */
  readonly logitVariance: number;
}

/** A kernel [T, T], row by row. */
type Kernel = Float64Array;

/** Predicts the importance of every module over one text of T ids. */
export function initTheory(model: Untrained, ids: ArrayLike<number>): Predicted {
  const tokens = ids.length;
  const variance = (model.std * model.embeddingScale) ** 2;
  const stream: Kernel = new Float64Array(tokens * tokens);
  for (let i = 0; i < stream.length; i++) {
    stream[i] = ids[Math.trunc(i / tokens)] === ids[i % tokens] ? variance : 0;
  }
  const [attention, mlp, block]: number[][] = [[], [], []];
  let logitVariance = 0;
  for (let l = 0; l < model.layers; l++) {
    const x = stream.slice();
    const before = input(model, x, tokens);
    const tau = logitVariances(model, before, tokens);
    logitVariance = Math.max(logitVariance, ...tau);
    const a = output(model, attend(model, before, tau, tokens), tokens);
    attention.push(moved(stream, a, tokens));
    add(stream, a);
    const m = output(
      model,
      feed(model, model.parallel ? before : input(model, stream, tokens), tokens),
      tokens,
    );
    mlp.push(moved(model.parallel ? x : stream, m, tokens));
    add(stream, m);
    block.push(moved(x, a.map((value, i) => value + m[i]), tokens));
  }
  return { attention, mlp, block, logitVariance };
}

/** Mean over tokens of 1 − cos(x, x + u), u ⟂ x. */
function moved(x: Kernel, u: Kernel, tokens: number): number {
  let sum = 0;
  for (let t = 0; t < tokens; t++) {
    sum += importanceOf(Math.sqrt(u[t * tokens + t] / x[t * tokens + t]), 0);
  }
  return sum / tokens;
}

function add(stream: Kernel, u: Kernel): void {
  for (let i = 0; i < stream.length; i++) stream[i] += u[i];
}

/** What a module reads: the normed stream, or the stream itself. */
function input({ placement, epsilon }: Untrained, stream: Kernel, tokens: number): Kernel {
  return placement === "post" ? stream.slice() : normed(stream, tokens, epsilon);
}

/** What a module adds. */
function output({ placement, epsilon }: Untrained, u: Kernel, tokens: number): Kernel {
  return placement === "pre" ? u : normed(u, tokens, epsilon);
}

function normed(kernel: Kernel, tokens: number, epsilon: number): Kernel {
  const scale = Float64Array.from(
    { length: tokens },
    (_, t) => 1 / Math.sqrt(kernel[t * tokens + t] + epsilon),
  );
  return kernel.map((value, i) => value * scale[Math.trunc(i / tokens)] * scale[i % tokens]);
}

/** By query: the variance of its logits, of keys as long as itself. */
function logitVariances({ hidden, std, logitScale, qkNorm }: Untrained, n: Kernel, tokens: number): number[] {
  const s = hidden * std ** 2;
  return Array.from({ length: tokens }, (_, t) => logitScale * (qkNorm ? 1 : (s * n[t * tokens + t]) ** 2));
}

/** s H E σ_r² · A N Aᵀ: sums over the keys that two queries see, from sums over all rectangles at the kernel's corner. */
function attend(model: Untrained, n: Kernel, tau: readonly number[], tokens: number): Kernel {
  const factor = model.hidden * model.std ** 2 * model.attentionWidth * model.residualStd ** 2;
  const out = new Float64Array(n.length);
  const corner = new Float64Array((tokens + 1) ** 2);
  const diagonal = new Float64Array(tokens + 1);
  const at = (t: number, s: number) => t * (tokens + 1) + s;
  for (let t = 1; t <= tokens; t++) {
    diagonal[t] = diagonal[t - 1] + n[(t - 1) * (tokens + 1)];
    for (let s = 1; s <= tokens; s++) {
      corner[at(t, s)] = corner[at(t - 1, s)] + corner[at(t, s - 1)] - corner[at(t - 1, s - 1)] +
        n[(t - 1) * tokens + s - 1];
    }
  }
  for (let t = 1; t <= tokens; t++) {
    for (let s = 1; s <= t; s++) {
      const overlap = n[(t - 1) * tokens + s - 1] /
        Math.sqrt(n[(t - 1) * (tokens + 1)] * n[(s - 1) * (tokens + 1)]);
      // Of the s keys that both see, how much more one is like itself than like another.
      const others = s > 1 ? (corner[at(s, s)] - diagonal[s]) / (s - 1) : diagonal[s];
      const own = diagonal[s] - others;
      const variance = Math.sqrt(tau[t - 1] * tau[s - 1]) * overlap * own / diagonal[s];
      const weight = keyWeight(Math.max(0, variance), s, tokens);
      const value = factor * (corner[at(t, s)] + (weight - 1) * own) / (t * s);
      out[(t - 1) * tokens + s - 1] = out[(s - 1) * tokens + t - 1] = value;
    }
  }
  return out;
}

/** F σ_r² · (s N) ∘ K(N), or without the first factor where there is no gate. */
function feed(model: Untrained, n: Kernel, tokens: number): Kernel {
  const s = model.hidden * model.std ** 2;
  const factor = model.feedForward * model.residualStd ** 2;
  const deviations = Float64Array.from({ length: tokens }, (_, t) => Math.sqrt(s * n[t * tokens + t]));
  // A norm makes all of a layer's deviations equal, but for its epsilon.
  const known = new Map<string, Float64Array>();
  const series = Array.from(deviations, (deviation) => {
    const key = deviation.toPrecision(6);
    const found = known.get(key) ?? hermite(model.activation, deviation);
    known.set(key, found);
    return found;
  });
  return n.map((value, i) => {
    const [t, u] = [Math.trunc(i / tokens), i % tokens];
    const overlap = Math.min(1, s * value / (deviations[t] * deviations[u]));
    let sum = 0;
    for (let k = TERMS - 1; k >= 0; k--) sum = sum * overlap + series[t][k] * series[u][k];
    return factor * sum * (model.gated ? s * value : 1);
  });
}

const TERMS = 24;
/** Ends and step of the integrals over a normal variable; a smooth integrand makes the trapezoid rule exact. */
const [END, STEP] = [8, 0.05];

/** c_k = E f(σ g) h_k(g), h_k the orthonormal Hermite polynomials of a standard normal g. */
function hermite(f: (x: number) => number, deviation: number): Float64Array {
  const coefficients = new Float64Array(TERMS);
  for (let g = -END; g <= END; g += STEP) {
    const weighted = f(deviation * g) * Math.exp(-g * g / 2) * STEP / Math.sqrt(2 * Math.PI);
    let [last, current] = [0, 1];
    for (let k = 0; k < TERMS; k++) {
      coefficients[k] += weighted * current;
      [last, current] = [current, (g * current - Math.sqrt(k) * last) / Math.sqrt(k + 1)];
    }
  }
  return coefficients;
}
