/**
 * The pieces of which specifications of modules are made, as plain data.
 *
 * Letters: D hidden, H query heads, K key/value heads, E head size, F feed-forward, V vocabulary, L layers.
 */

/** RMSNorm, or LayerNorm with a bias; a norm without a weight or without that bias says so. */
export interface NormSpec {
  readonly kind: "rms" | "layer";
  readonly epsilon: number;
  readonly weight?: false;
  readonly bias?: false;
}

/** Norms around a module; the norm belongs to the unit that is measured and dropped. */
export type NormPlacement = { readonly pre: NormSpec | null; readonly post: NormSpec | null };

/** The fields of every module, whatever its kind. */
export interface AnyModule {
  /** The name of its kind (modules/list.ts). */
  readonly kind: string;
  readonly norm: NormPlacement;
  /** Multiplies the update, which is measured so. */
  readonly updateScale?: number;
  /** Multiplies what of the update lies along the stream, and what lies across it; null or absent for the update as it is. */
  readonly updateSides?: { readonly along: number; readonly across: number } | null;
}

/** A tensor that a module needs: canonical name, shape, and how an untrained one is drawn, if it can be. */
export type TensorNeed = readonly [name: string, shape: readonly number[], draw?: Draw];

/**
 * How a tensor is drawn: normal, from a stream of its own, with the deviation of projections onto the residual stream or the usual one;
 * alike everywhere; or each number from a uniform one, 0 to 1, of as many streams. A stream's number is part of the weights' identity,
 * and no two tensors of a layer have the same: a new tensor takes the next that is free (28).
 */
export type Draw =
  | { readonly stream: number; readonly residual?: boolean }
  | { readonly constant: number }
  | { readonly stream: number; readonly each: (share: number) => number };

/** How inverse frequencies are stretched; names and fields as in Hugging Face's `rope_parameters`. */
export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  | { readonly type: "dynamic"; readonly factor: number; readonly maxPositions: number }
  | {
    readonly type: "llama3";
    readonly factor: number;
    readonly lowFrequencyFactor: number;
    readonly highFrequencyFactor: number;
    readonly originalMaxPositions: number;
  }
  | {
    readonly type: "yarn";
    readonly factor: number;
    readonly attentionFactor: number;
    readonly betaFast: number;
    readonly betaSlow: number;
    readonly truncate: boolean;
    readonly originalMaxPositions: number;
  }
  | {
    readonly type: "longrope";
    /** Divisors of the size/2 frequencies, in texts of up to `originalMaxPositions` tokens, and in longer ones. */
    readonly shortFactor: readonly number[];
    readonly longFactor: readonly number[];
    readonly attentionFactor: number;
    readonly originalMaxPositions: number;
  };

/** Rotary position embedding over the first `size` of a head's E numbers. */
export interface RopeSpec {
  readonly theta: number;
  readonly size: number;
  readonly scaling: RopeScaling | null;
  /** Pairs are neighbours (2i, 2i + 1), not numbers of two halves (i, i + size/2). */
  readonly interleaved?: true;
}

/** Attention of heads by a softmax over keys, however queries, keys and values are made. */
export interface AttentionSpec extends Omit<AnyModule, "kind"> {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Multiplies q · k. */
  readonly scale: number;
  /** Null for none: the layer sees positions only through what other layers have put into the stream. */
  readonly rope: RopeSpec | null;
  /** Keys that a query sees, itself included; null for all before it. */
  readonly window: number | null;
  /** c · tanh(score / c) on the scores. */
  readonly softcap: number | null;
  readonly bias: { readonly qkv: boolean; readonly output: boolean };
  /** Every head has a learned score that joins its softmax and is dropped after it. */
  readonly sinks?: true;
}

export type Activation = "silu" | "gelu" | "gelu_tanh" | "relu" | "quick_gelu";

/** A feed-forward network; gated: down(act(gate(x)) · up(x)), plain: down(act(up(x))). */
export interface NetworkSpec {
  readonly size: number;
  readonly activation: Activation;
  readonly gated: boolean;
  readonly bias: boolean;
  /** Multiplies the update, which is measured so. */
  readonly updateScale?: number;
}
