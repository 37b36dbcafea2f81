/**
 * What a model is, as plain data: enough to build its graphs, nothing about where its weights are.
 *
 * A decoder layer adds two updates to the residual stream x. The norm placement defines the architecture:
 *
 *     pre   (Llama)    a = Attn(norm(x))          m = MLP(norm(x + a))
 *     peri  (Gemma)    a = norm(Attn(norm(x)))    m = norm(MLP(norm(x + a)))
 *     post  (OLMo 2)   a = norm(Attn(x))          m = norm(MLP(x + a))
 *     parallel residual (GPT-NeoX)                m = MLP(norm(x)),  next = x + a + m
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
export interface NormPlacement {
  readonly pre: NormSpec | null;
  readonly post: NormSpec | null;
}

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
    /** What each of the size/2 frequencies is divided by, in texts of up to `originalMaxPositions` tokens, and in longer ones. */
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

/** Attention with grouped heads. */
export interface AttentionSpec {
  readonly norm: NormPlacement;
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
  /** RMSNorm of q and k before the rotation: one weight per head size, or over the whole width. */
  readonly qkNorm: { readonly over: "head" | "width"; readonly epsilon: number } | null;
  readonly bias: { readonly qkv: boolean; readonly output: boolean };
  /** q, k and v are held within ±clip before the rotation. */
  readonly clip?: number;
  /** What the heads mix is multiplied by σ(g(norm(x))), g a projection beside q. */
  readonly outputGate?: true;
  /** Multiplies the update, which is measured so. */
  readonly updateScale?: number;
  /** Every head has a learned score that joins its softmax and is dropped after it. */
  readonly sinks?: true;
  /** q, k and v are made from latents (MLA). */
  readonly latents?: LatentSpec;
}

/**
 * Multi-head latent attention: k and v of all heads come from one vector of `keyValue` numbers, normed, and one rotated key of rope.size
 * numbers that all heads share; q from `query` numbers, normed, or straight from the stream (null). A head's q and k have `plain`
 * numbers besides the rotated ones, its v `value`; headSize is the larger of both, and what is smaller is run with zeros behind.
 * Source: Hugging Face `modeling_deepseek_v3.py`.
 */
export interface LatentSpec {
  readonly query: number | null;
  readonly keyValue: number;
  readonly plain: number;
  readonly value: number;
  readonly epsilon: number;
}

/**
 * Linear attention by the gated delta rule: a state S [E, V] for each value head instead of keys and values,
 *
 *     S ← e^g · S + β · k ⊗ (v − e^g · Sᵀk)      o = Sᵀq / √E
 *
 * q, k and v come out of a depthwise causal convolution and SiLU, q and k of length 1; g = −e^A · softplus(a(x) + dt), β = σ(b(x)).
 * The update is out(RMSNorm(o) · SiLU(z(x))). Sources: Yang, Kautz & Hatamizadeh, arXiv 2412.06464; Hugging Face `modeling_qwen3_next.py`.
 */
export interface DeltaNetSpec {
  readonly kind: "linear";
  readonly norm: NormPlacement;
  /** Each key head belongs to as many consecutive value heads as there are for each. */
  readonly keyHeads: number;
  readonly valueHeads: number;
  /** E and V */
  readonly keySize: number;
  readonly valueSize: number;
  /** Tokens that the convolution sees, itself included. */
  readonly kernel: number;
  /** Of the norm of what a value head gives. */
  readonly epsilon: number;
  /** Multiplies the update, which is measured so. */
  readonly updateScale?: number;
}

/** Numbers of a token that go through the convolution: q, k and v. */
export function convWidth({ keyHeads, keySize, valueHeads, valueSize }: DeltaNetSpec): number {
  return 2 * keyHeads * keySize + valueHeads * valueSize;
}

/** What mixes tokens in a layer. */
export type MixerSpec = AttentionSpec | DeltaNetSpec;

/** Whether a layer's first module is linear attention. */
export function isLinear(mixer: MixerSpec | null): mixer is DeltaNetSpec {
  return mixer !== null && "kind" in mixer;
}

/** The layers of linear attention: what it has read of a text is one state, from which only one text goes on. */
export function linearLayers({ layers }: Pick<ModelSpec, "layers">): number[] {
  return layers.flatMap(({ attention }, l) => isLinear(attention) ? [l] : []);
}

/** A layer's attention with keys and values of every token; null where there is none. */
export function softmaxOf({ attention }: Pick<LayerSpec, "attention">): AttentionSpec | null {
  return isLinear(attention) ? null : attention;
}

export type Activation = "silu" | "gelu" | "gelu_tanh" | "relu" | "quick_gelu";

/** Feed-forward network; gated: down(act(gate(x)) · up(x)), plain: down(act(up(x))). */
export interface MlpSpec {
  readonly norm: NormPlacement;
  readonly size: number;
  readonly activation: Activation;
  readonly gated: boolean;
  readonly bias: boolean;
  /** Multiplies the update, which is measured so. */
  readonly updateScale?: number;
}

/** A network that some tokens pass through, without norms of its own. */
export interface ExpertSpec extends Omit<MlpSpec, "norm"> {
  /** What gate and up are held to: gate ≤ limit, |up| ≤ limit, and act(gate) · (up + 1) in the place of act(gate) · up; null for neither. */
  readonly limit: number | null;
}

/**
 * How experts are chosen for a token, and what multiplies what each of them gives. `softmax` and `sigmoid` score every expert,
 * `softmax-of-top` the chosen ones only. Source: Hugging Face `modeling_mixtral.py`, `modeling_deepseek_v3.py`, `modeling_gpt_oss.py`.
 */
export interface RouterSpec {
  readonly score: "softmax" | "sigmoid" | "softmax-of-top";
  /** Whether the scores of the chosen are divided by their sum. */
  readonly renormalise: boolean;
  /** Multiplies them. */
  readonly scale: number;
  /** Whether logits have a bias. */
  readonly bias: boolean;
  /** Whether a bias is added to the scores for choosing only. */
  readonly correction: boolean;
  /** Experts lie in groups, of which the `top` with the highest sum of their two best scores are left to choose from; null for no groups. */
  readonly groups: { readonly count: number; readonly top: number } | null;
}

/** What all tokens pass through beside their experts; multiplied by σ(w · norm(x)) if it has a `gate`. */
export interface SharedSpec extends ExpertSpec {
  readonly gate: boolean;
}

/** A mixture of experts: Σ weight · expert(norm(x)) over the `top` that the router chooses of X, and what all tokens pass through. */
export interface MoeSpec {
  readonly norm: NormPlacement;
  /** X */
  readonly experts: number;
  readonly top: number;
  readonly router: RouterSpec;
  readonly expert: ExpertSpec;
  readonly shared: SharedSpec | null;
}

/** Whether a layer's second module is a mixture. */
export function isMixture(mlp: MlpSpec | MoeSpec | null): mlp is MoeSpec {
  return mlp !== null && "experts" in mlp;
}

/** One decoder layer; a module that the checkpoint lacks (dropped before) is null. */
export interface LayerSpec {
  readonly residual: "sequential" | "parallel";
  readonly attention: MixerSpec | null;
  /** A mixture is never part of a parallel residual. */
  readonly mlp: MlpSpec | MoeSpec | null;
}

/** A decoder-only transformer. */
export interface ModelSpec {
  /** Hugging Face's `model_type`. */
  readonly family: string;
  readonly hidden: number;
  readonly vocabulary: number;
  readonly layers: readonly LayerSpec[];
  /** Multiplies the embedding rows. */
  readonly embeddingScale: number;
  /** Positions that have a learned vector, which is added to the embedding; absent where there are none. */
  readonly positions?: number;
  /** Tokens of the longest text that it was trained on, as its configuration says; absent where that is not said. */
  readonly trained?: number;
  readonly finalNorm: NormSpec;
  /** `scale` multiplies the logits, before the cap. */
  readonly head: { readonly tied: boolean; readonly softcap: number | null; readonly scale?: number };
}
