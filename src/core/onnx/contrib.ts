/** Operators of ONNX Runtime's own domain `com.microsoft`, named and ordered as in its ContribOperators document. */
import type { Graph, Value } from "./graph.ts";

const microsoft = (
  operator: string,
  inputs: readonly (Value | null)[],
  attributes: Parameters<Graph["node"]>[2],
  outputs = 1,
): Value[] => inputs[0]!.graph.node(operator, inputs, attributes, outputs, "com.microsoft");

/** x / √(mean(x²) + ε) · scale over the last axis (RMSNorm). It lives in the default domain for historical reasons. */
export const SimplifiedLayerNormalization = (x: Value, scale: Value, epsilon: number): Value =>
  x.graph.node("SimplifiedLayerNormalization", [x, scale], {
    axis: -1,
    epsilon: { float: epsilon },
    stash_type: 1,
  })[0];

/** x · sigmoid(alpha · x); alpha 1 is SiLU. */
export const QuickGelu = (x: Value, alpha: number): Value =>
  microsoft("QuickGelu", [x], { alpha: { float: alpha } })[0];

/**
 * Rotates the first R of each head's E numbers, the two halves of R as pairs, or (interleaved) neighbours. `x` [B, S, H·E], `position` int64 [1] (the
 * first token's), cos and sin [positions, R/2].
 */
export const RotaryEmbedding = (
  x: Value,
  position: Value,
  { cos, sin }: { cos: Value; sin: Value },
  { heads, size, interleaved = false }: { heads: number; size: number; interleaved?: boolean },
): Value =>
  microsoft("RotaryEmbedding", [x, position, cos, sin], {
    num_heads: heads,
    rotary_embedding_dim: size,
    interleaved: Number(interleaved),
  })[0];

/** Inputs of `GroupQueryAttention`; B batch, S new tokens, P past tokens, H query heads, K key/value heads, E head size. */
interface GroupQueryAttentionInputs {
  /** [B, S, H·E] */
  query: Value;
  /** [B, S, K·E] */
  key: Value;
  /** [B, S, K·E] */
  value: Value;
  /** [B, K, P, E] each, or null at the start. */
  past: { key: Value; value: Value } | null;
  /** int32 [B]: P + S − 1. */
  seqlensK: Value;
  /** int32 scalar: P + S. */
  totalSequenceLength: Value;
  /** [H]: a score of each head that joins its softmax and is dropped after it. */
  sinks?: Value | undefined;
}

/** Causal attention with grouped heads; E must be a multiple of 8. Gives the output [B, S, H·E] and the keys and values so far [B, K, P + S, E]. */
export function GroupQueryAttention(
  { query, key, value, past, seqlensK, totalSequenceLength, sinks }: GroupQueryAttentionInputs,
  attributes: {
    heads: number;
    kvHeads: number;
    scale: number;
    window: number | null;
    softcap: number | null;
  },
): { output: Value; present: { key: Value; value: Value } } {
  const inputs = [query, key, value, past?.key ?? null, past?.value ?? null, seqlensK, totalSequenceLength];
  const [output, presentKey, presentValue] = microsoft(
    "GroupQueryAttention",
    sinks ? [...inputs, null, null, null, null, sinks] : inputs, // after rotation tables, positions and a bias
    {
      num_heads: attributes.heads,
      kv_num_heads: attributes.kvHeads,
      scale: { float: attributes.scale },
      local_window_size: attributes.window ?? undefined,
      softcap: attributes.softcap ? { float: attributes.softcap } : undefined,
    },
    3,
  );
  return { output, present: { key: presentKey, value: presentValue } };
}

/**
 * Linear attention by the gated delta rule: q and k [B, T, H·E], v [B, T, G·V], G a multiple of H, decay (in log-space) and β
 * [B, T, G]; the state so far [B, G, E, V], null at the start. Gives [B, T, G·V] and the state after.
 */
export function LinearAttention(
  { query, key, value, state, decay, beta }: Record<"query" | "key" | "value" | "decay" | "beta", Value> & {
    state: Value | null;
  },
  { keyHeads, valueHeads, keySize }: { keyHeads: number; valueHeads: number; keySize: number },
): { output: Value; state: Value } {
  const scale = { float: keySize ** -0.5 };
  const [output, present] = microsoft(
    "LinearAttention",
    [query, key, value, state, decay, beta],
    { q_num_heads: keyHeads, kv_num_heads: valueHeads, scale, update_rule: "gated_delta" },
    2,
  );
  return { output, state: present };
}

/**
 * A causal convolution of each channel by itself, and SiLU: x [B, C, T], weights [C, 1, K], the K − 1 numbers before [B, C, K − 1], null
 * for zeros. Gives [B, C, T] and the last K − 1 numbers.
 */
export function CausalConvWithState(
  x: Value,
  weight: Value,
  state: Value | null,
): { output: Value; state: Value } {
  const inputs = [x, weight, null, state];
  const [output, present] = microsoft("CausalConvWithState", inputs, { activation: "silu" }, 2);
  return { output, state: present };
}

/**
 * a · bᵀ, the N × K matrix b in blocks along K: quants [N, K/block_size, block_size · bits/8], scales [N · K/block_size], zeros u8 or null for
 * the middle. The result is [M, N] of a [M, K], in the type of a and of the scales.
 */
export const MatMulNBits = (
  a: Value,
  quants: Value,
  scales: Value,
  zeros: Value | null,
  attributes: Readonly<Record<"K" | "N" | "bits" | "block_size" | "accuracy_level", number>>,
): Value => microsoft("MatMulNBits", zeros ? [a, quants, scales, zeros] : [a, quants, scales], attributes)[0];
