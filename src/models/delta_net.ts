/** Linear attention by the gated delta rule (DeltaNetSpec), from the operators that ONNX Runtime has for it. */
import {
  Add,
  CausalConvWithState,
  Exp,
  LinearAttention,
  Mul,
  QuickGelu,
  Reshape,
  scalar,
  Sigmoid,
  SimplifiedLayerNormalization,
  Slice,
  Softplus,
  Transpose,
  type Value,
} from "../onnx/mod.ts";
import { float32 } from "../tensor/mod.ts";
import { norm } from "./norms.ts";
import { linear, type Weights } from "./linear.ts";
import { convWidth, type DeltaNetSpec } from "./spec.ts";
import { watch } from "./watch.ts";

/** What is kept of the tokens so far: the last of each channel [B, C, kernel − 1], and each value head's state [B, H, E, V]. */
export interface Memory {
  readonly conv: Value;
  readonly state: Value;
}

/** Its shapes for the memory of some texts. */
export function memoryShapes(
  spec: DeltaNetSpec,
  texts: number,
): { readonly [Part in keyof Memory]: readonly number[] } {
  return {
    conv: [texts, convWidth(spec), spec.kernel - 1],
    state: [texts, spec.valueHeads, spec.keySize, spec.valueSize],
  };
}

/** Rows, a token each: q and k [N, K·E], v and what comes of it [N, H·V]; the memory of all tokens so far. */
export interface Recalled {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  readonly mixed: Value;
  readonly memory: Memory;
}

/** Below this the square of a length is as good as 0. */
const LENGTH_EPSILON = 1e-6;

/** What streams x [B·T, D] of B samples bring to mind, up to the output projection; T need not be known when the graph is made. */
export function deltaNet(
  x: Value,
  spec: DeltaNetSpec,
  weights: Weights,
  samples: number,
  past: Memory | null = null,
): Recalled {
  const { keyHeads, valueHeads, keySize, valueSize } = spec;
  const normed = norm(x, spec.norm.pre, "attention.norm", weights);
  const project = (name: string) => linear(normed, `attention.${name}_proj`, weights);
  const bySample = (rows: Value, width: number) => Reshape(rows, [samples, -1, width]);
  const weight = (name: string) => weights.values.get(`attention.${name}`)!;

  const width = convWidth(spec);
  const channels = Transpose(bySample(watch(project("qkv")), width), [0, 2, 1]);
  const { output: convolved, state: conv } = CausalConvWithState(
    channels,
    weight("conv.weight"),
    past?.conv ?? null,
  );
  const rows = watch(Reshape(Transpose(convolved, [0, 2, 1]), [-1, width]));
  const keys = keyHeads * keySize;
  const q = ofLengthOne(Slice(rows, 0, keys, 1), spec);
  const k = ofLengthOne(Slice(rows, keys, 2 * keys, 1), spec);
  const v = Slice(rows, 2 * keys, width, 1);

  const rate = Softplus(watch(Add(project("a"), weight("dt_bias"))));
  const decay = Mul(Mul(Exp(weight("a_log")), scalar(x.graph, -1)), rate);
  const { output, state } = LinearAttention({
    query: bySample(q, keys),
    key: bySample(k, keys),
    value: bySample(v, valueHeads * valueSize),
    decay: bySample(decay, valueHeads),
    beta: bySample(Sigmoid(watch(project("b"))), valueHeads),
    state: past?.state ?? null,
  }, spec);

  const heads = Reshape(output, [-1, valueHeads, valueSize]);
  const even = SimplifiedLayerNormalization(heads, weight("gate_norm.weight"), spec.epsilon);
  watch(Reshape(output, [-1, valueHeads * valueSize]));
  const mixed = Mul(Reshape(even, [-1, valueHeads * valueSize]), QuickGelu(project("z"), 1));
  return { q, k, v, mixed, memory: { conv, state } };
}

/** Each head divided by its length √(Σ x² + ε): an RMSNorm, of which length and ε are √E and E times too large. */
function ofLengthOne(x: Value, { keyHeads, keySize }: DeltaNetSpec): Value {
  const even = x.graph.constant(float32([keySize], new Float32Array(keySize).fill(keySize ** -0.5)));
  const heads = Reshape(x, [-1, keyHeads, keySize]);
  return Reshape(SimplifiedLayerNormalization(heads, even, LENGTH_EPSILON / keySize), [
    -1,
    keyHeads * keySize,
  ]);
}
