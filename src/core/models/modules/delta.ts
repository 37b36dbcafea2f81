/**
 * Linear attention by the gated delta rule: a state S [E, V] for each value head instead of keys and values,
 *
 *     S ← e^g · S + β · k ⊗ (v − e^g · Sᵀk)      o = Sᵀq / √E
 *
 * q, k and v come out of a depthwise causal convolution and SiLU, q and k of length 1; g = −e^A · softplus(a(x) + dt), β = σ(b(x)).
 * The update is out(RMSNorm(o) · SiLU(z(x))). Sources: Yang, Kautz & Hatamizadeh, arXiv 2412.06464; Hugging Face `modeling_qwen3_next.py`.
 */
import { scalar, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import type { AnyModule, TensorNeed } from "../pieces.ts";
import { asUpdate } from "../values/inputs.ts";
import { linear, norm, type Weights } from "../values/linear.ts";
import { watch } from "../values/watch.ts";
import { piece } from "./cuts.ts";
import { type InnerName, type MixerKind, type ModuleChanges, orGiven, placed, together } from "./kind.ts";
import { linearTensors, normTensors, normWeight } from "./needs.ts";

export interface DeltaSpec extends AnyModule {
  readonly kind: "delta";
  /** Each key head belongs to as many consecutive value heads as there are for each. */
  readonly keyHeads: number;
  readonly valueHeads: number;
  /** E and V */
  readonly keySize: number;
  readonly valueSize: number;
  /** Tokens that the convolution sees, itself included. */
  readonly kernel: number;
  /** Of the norm of a value head's output. */
  readonly epsilon: number;
}

/** ln A of a head of an untrained model, whose A is uniform. */
const [LEAST_DECAY, MOST_DECAY] = [0.01, 16];
const decay = (share: number) => Math.log(LEAST_DECAY + (MOST_DECAY - LEAST_DECAY) * share);

export const delta: MixerKind<DeltaSpec> = {
  kind: "delta",
  title: "linear attention",
  tensors,
  groups: (spec, hidden) => together(tensors(spec, hidden)),
  width: () => 0,
  cut: (spec, hidden) => [piece(spec, tensors(spec, hidden))],
  reshaped,
  inexpressible: {
    onnx: "has linear attention, whose states readers of the graph do not support",
    "hf-nas": "has linear attention, for which the format has no place",
  },
  pass(x, spec, pass) {
    const weights = pass.weights();
    const used = (name: InnerName, width: number, make: () => Value) => orGiven(pass, name, width, make);
    const { q, k, v, mixed } = recalled(x, spec, weights, pass.extent.samples, null, used);
    return { x, q, k, v, mixed, a: update(mixed, x, spec, weights) };
  },
  step(x, spec, weights, { texts, ...step }) {
    const { conv, state } = step.past();
    const { mixed, memory } = recalled(x, spec, weights, texts, { conv, state });
    step.present({ ...memory });
    return update(mixed, x, spec, weights);
  },
  /** The last tokens of each channel [B, C, kernel − 1], and each value head's state [B, H, E, V]. */
  memory: (spec, _, texts) => [
    fixed("conv", [texts, convWidth(spec), spec.kernel - 1]),
    fixed("state", [texts, spec.valueHeads, spec.keySize, spec.valueSize]),
  ],
  /** Products of its states with the key and with the query, and their own update. */
  core: ({ valueHeads, keySize, valueSize }, tokens) => (
    { rows: 0, flops: tokens * 6 * valueHeads * keySize * valueSize }
  ),
  kept: () => 0,
  inside({ keyHeads, keySize, valueHeads, valueSize }) {
    const [key, value] = [[keyHeads, keySize], [valueHeads, valueSize]] as const;
    return { q: key, k: key, v: value, mixed: value };
  },
  forks: false,
  layerType: () => "linear_attention",
};

/** Numbers of a token that go through the convolution: q, k and v. */
function convWidth({ keyHeads, keySize, valueHeads, valueSize }: DeltaSpec): number {
  return 2 * keyHeads * keySize + valueHeads * valueSize;
}

const fixed = (name: string, shape: readonly number[]) => (
  { name, shape: () => [...shape], grows: null, inPlace: false }
);

function tensors(spec: DeltaSpec, hidden: number): TensorNeed[] {
  const { valueHeads, valueSize, kernel } = spec;
  const [width, value] = [convWidth(spec), valueHeads * valueSize];
  return [
    ...normTensors("attention.norm", spec.norm.pre, hidden),
    ...linearTensors("attention.qkv_proj", [width, hidden], false, { stream: 21 }),
    ["attention.conv.weight", [width, 1, kernel], { stream: 26 }],
    ...linearTensors("attention.z_proj", [value, hidden], false, { stream: 22 }),
    ...linearTensors("attention.a_proj", [valueHeads, hidden], false, { stream: 23 }),
    ...linearTensors("attention.b_proj", [valueHeads, hidden], false, { stream: 24 }),
    ["attention.a_log", [valueHeads], { stream: 2 ** 31, each: decay }],
    ["attention.dt_bias", [valueHeads], { constant: 1 }],
    normWeight("attention.gate_norm", valueSize),
    ...linearTensors("attention.out_proj", [hidden, value], false, { stream: 25, residual: true }),
    ...normTensors("attention.post_norm", spec.norm.post, hidden),
  ];
}

function update(mixed: Value, x: Value, spec: DeltaSpec, weights: Weights): Value {
  return watch(asUpdate(linear(mixed, "attention.out_proj", weights), x, spec, "attention", weights));
}

/** Below this the square of a length is as good as 0. */
const LENGTH_EPSILON = 1e-6;

/**
 * q and k [N, K·E], v and the mixed values [N, H·V] of streams x [B·T, D] of B samples, up to the output projection, and the memory of
 * all tokens so far; T need not be known when the graph is made.
 */
function recalled(
  x: Value,
  spec: DeltaSpec,
  weights: Weights,
  samples: number,
  past: Readonly<Record<"conv" | "state", Value>> | null = null,
  used: (name: InnerName, width: number, make: () => Value) => Value = (_, __, make) => make(),
) {
  const { keyHeads, valueHeads, keySize, valueSize } = spec;
  const normed = norm(x, spec.norm.pre, "attention.norm", weights);
  const project = (name: string) => linear(normed, `attention.${name}_proj`, weights);
  const bySample = (rows: Value, width: number) => op.Reshape(rows, [samples, -1, width]);
  const weight = (name: string) => weights.values.get(`attention.${name}`)!;

  const width = convWidth(spec);
  const channels = op.Transpose(bySample(watch(project("qkv")), width), [0, 2, 1]);
  const { output: convolved, state: conv } = op.CausalConvWithState(
    channels,
    weight("conv.weight"),
    past?.conv ?? null,
  );
  const rows = watch(op.Reshape(op.Transpose(convolved, [0, 2, 1]), [-1, width]));
  const keys = keyHeads * keySize;
  const values = valueHeads * valueSize;
  const q = used("q", keys, () => ofLengthOne(op.Slice(rows, 0, keys, 1), spec));
  const k = used("k", keys, () => ofLengthOne(op.Slice(rows, keys, 2 * keys, 1), spec));
  const v = used("v", values, () => op.Slice(rows, 2 * keys, width, 1));

  const rate = op.Softplus(watch(op.Add(project("a"), weight("dt_bias"))));
  const decay = op.Mul(op.Mul(op.Exp(weight("a_log")), scalar(x.graph, -1)), rate);
  const { output, state } = op.LinearAttention({
    query: bySample(q, keys),
    key: bySample(k, keys),
    value: bySample(v, values),
    decay: bySample(decay, valueHeads),
    beta: bySample(op.Sigmoid(watch(project("b"))), valueHeads),
    state: past?.state ?? null,
  }, spec);

  const heads = op.Reshape(output, [-1, valueHeads, valueSize]);
  const even = op.SimplifiedLayerNormalization(heads, weight("gate_norm.weight"), spec.epsilon);
  watch(op.Reshape(output, [-1, values]));
  const mixed = used(
    "mixed",
    values,
    () => op.Mul(op.Reshape(even, [-1, values]), op.QuickGelu(project("z"), 1)),
  );
  return { q, k, v, mixed, memory: { conv, state } };
}

/** Each head divided by its length √(Σ x² + ε): an RMSNorm, of which length and ε are √E and E times too large. */
function ofLengthOne(x: Value, { keyHeads, keySize }: DeltaSpec): Value {
  const even = x.graph.constant(float32([keySize], new Float32Array(keySize).fill(keySize ** -0.5)));
  const heads = op.Reshape(x, [-1, keyHeads, keySize]);
  return op.Reshape(op.SimplifiedLayerNormalization(heads, even, LENGTH_EPSILON / keySize), [
    -1,
    keyHeads * keySize,
  ]);
}

/** The number of heads stays the same, their widths scale. */
function reshaped(spec: DeltaSpec, ratio: number, changes: ModuleChanges): DeltaSpec {
  const [keySize, valueSize] = [spec.keySize * ratio, spec.valueSize * ratio];
  if (!Number.isInteger(keySize) || !Number.isInteger(valueSize)) {
    throw new RangeError(
      `Cannot reshape linear attention: heads of ${keySize} and ${valueSize} numbers, expected whole numbers`,
    );
  }
  return { ...spec, keySize, valueSize, norm: placed(spec.norm, changes) };
}
