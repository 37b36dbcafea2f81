/**
 * Rotary position embedding: from a `RopeSpec` to the cos and sin tables.
 *
 * The arithmetic follows Hugging Face's `modeling_rope_utils.py` step by step in float32, since an inverse frequency
 * that differs in its last bit turns the angle at position 2048 by 1e-4.
 */
import { float32, type Tensor } from "../../tensor/mod.ts";
import type { AttentionSpec, RopeScaling, RopeSpec } from "../pieces.ts";
import { type Dim, type Graph, ints, type Lowering, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import type { Extent } from "./attention.ts";
import type { SharedInputs } from "./past.ts";

/** To float32, after every step that Hugging Face has in it. */
const round = Math.fround;

/** Angles turned through a position by each of the size/2 pairs, and what cos and sin are multiplied by. */
export function rotation(rope: RopeSpec, positions: number): { frequencies: Float32Array; factor: number } {
  const factor = rope.scaling && "attentionFactor" in rope.scaling ? rope.scaling.attentionFactor : 1;
  return { frequencies: inverseFrequencies(rope, positions), factor };
}

/** The longest text up to which all are rotated alike. */
export function steadyLength({ scaling }: RopeSpec): number {
  if (scaling?.type === "dynamic") return scaling.maxPositions;
  return scaling?.type === "longrope" ? scaling.originalMaxPositions : Infinity;
}

/** Texts with the same regime are rotated alike: 0 up to the steady length; beyond, longrope has one other, dynamic rope one a length. */
export function rotationRegime(rope: RopeSpec, tokens: number): number {
  if (tokens <= steadyLength(rope)) return 0;
  return rope.scaling?.type === "dynamic" ? tokens : 1;
}

/** The tables [positions, size/2] for a sequence of that many tokens. */
export function ropeTables(rope: RopeSpec, positions: number): { cos: Tensor; sin: Tensor } {
  const half = rope.size / 2;
  const { frequencies, factor } = rotation(rope, positions);
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let t = 0; t < positions; t++) {
    for (let i = 0; i < half; i++) {
      const angle = round(t * frequencies[i]);
      cos[t * half + i] = round(Math.cos(angle)) * factor;
      sin[t * half + i] = round(Math.sin(angle)) * factor;
    }
  }
  return { cos: float32([positions, half], cos), sin: float32([positions, half], sin) };
}

function inverseFrequencies({ theta, size, scaling }: RopeSpec, positions: number): Float32Array {
  let base = theta;
  if (scaling?.type === "dynamic") {
    const { factor, maxPositions } = scaling;
    const length = Math.max(positions, maxPositions);
    const stretch = round(round(round(factor * length) / maxPositions) - (factor - 1));
    base = round(theta * round(stretch ** (size / (size - 2))));
  }
  const powers = Float32Array.from({ length: size / 2 }, (_, i) => base ** round((2 * i) / size));
  const plain = powers.map((power) => 1 / power);
  switch (scaling?.type) {
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "llama3":
      return plain.map((frequency) => llama3Frequency(frequency, scaling));
    case "yarn":
      return yarnFrequencies(theta, size, powers, scaling);
    case "longrope": {
      const { shortFactor, longFactor, originalMaxPositions } = scaling;
      const by = positions > originalMaxPositions ? longFactor : shortFactor;
      return powers.map((power, i) => 1 / round(round(by[i]) * power));
    }
    default:
      return plain;
  }
}

function llama3Frequency(frequency: number, scaling: RopeScaling & { type: "llama3" }): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = scaling;
  const wavelength = round(round(1 / frequency) * round(2 * Math.PI));
  if (wavelength < originalMaxPositions / high) return frequency;
  if (wavelength > originalMaxPositions / low) return frequency / factor;
  const turns = round(round(1 / wavelength) * originalMaxPositions);
  const smooth = round(round(turns - low) / (high - low));
  return round(round(round(1 - smooth) * frequency) / factor) + round(smooth * frequency);
}

function yarnFrequencies(
  theta: number,
  size: number,
  powers: Float32Array,
  { factor, betaFast, betaSlow, truncate, originalMaxPositions }: RopeScaling & { type: "yarn" },
): Float32Array {
  const dimension = (rotations: number) =>
    (size * Math.log(originalMaxPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimension(betaFast), dimension(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, size - 1);
  const span = high === low ? 0.001 : high - low;
  return powers.map((power, i) => {
    const ramp = Math.min(1, Math.max(0, round(round(i - low) / span)));
    const kept = round(1 - ramp);
    return round(round(1 / round(factor * power)) * round(1 - kept)) + round(round(1 / power) * kept);
  });
}

/** The tables of a rotation, [≥ T, R/2], and how it runs. */
export type Rotary = { readonly cos: Value; readonly sin: Value; readonly rotation: Lowering["rotation"] };

/** Names of inputs that layers share: the table rows of a rotation. */
export const rotaryNames = (rope: RopeSpec) => {
  const name = JSON.stringify(rope);
  return { cos: `cos ${name}`, sin: `sin ${name}` };
};

/** The tables of one attention, as inputs `cos` and `sin`. */
export function rotaryInputs(
  graph: Graph,
  table: readonly Dim[],
  { rotation }: Pick<Lowering, "rotation">,
): Rotary {
  return { cos: graph.input("cos", "f32", table), sin: graph.input("sin", "f32", table), rotation };
}

/** The tables that all attentions of a graph with this rotation share. */
export function rotaryShared(
  rope: RopeSpec,
  shared: SharedInputs,
  { rotation }: Pick<Lowering, "rotation">,
): Rotary {
  const names = rotaryNames(rope);
  const table = ["tokens", rope.size / 2];
  return { cos: shared(names.cos, "f32", table), sin: shared(names.sin, "f32", table), rotation };
}

/** Rotated heads [N, heads · E] of `samples` sequences that each start at position 0. */
export function rotate(
  x: Value,
  { rope, headSize }: AttentionSpec,
  heads: number,
  tables: Rotary,
  { samples, length }: Extent,
): Value {
  const width = heads * headSize;
  const { size, interleaved = false } = rope!;
  if (tables.rotation === "products") {
    const byHead = op.Reshape(x, [samples, length, heads, headSize]);
    return op.Reshape(turned(byHead, tables, { size, headSize, interleaved }), [-1, width]);
  }
  const start = ints(x.graph, [0]);
  const rotated = op.RotaryEmbedding(op.Reshape(x, [samples, length, width]), start, tables, {
    heads,
    size,
    interleaved,
  });
  return op.Reshape(rotated, [-1, width]);
}

/** The same of [B, T, H, E] by products with tables of T rows. */
function turned(
  x: Value,
  tables: Rotary,
  { size, headSize, interleaved }: { size: number; headSize: number; interleaved: boolean },
): Value {
  const half = size / 2;
  const [cos, sin] = [tables.cos, tables.sin].map((table) => op.Reshape(table, [1, -1, 1, half]));
  const own = size === headSize ? x : op.Slice(x, 0, size, 3);
  const pick = (i: number) =>
    interleaved ? op.Slice(own, i, size, 3, 2) : op.Slice(own, i * half, (i + 1) * half, 3);
  const [a, b] = [pick(0), pick(1)];
  const both = [op.Sub(op.Mul(a, cos), op.Mul(b, sin)), op.Add(op.Mul(b, cos), op.Mul(a, sin))];
  const paired = () => op.Concat(both.map((part) => op.Reshape(part, [0, 0, 0, half, 1])), 4);
  const turned = interleaved ? op.Reshape(paired(), [0, 0, 0, size]) : op.Concat(both, 3);
  return size === headSize ? turned : op.Concat([turned, op.Slice(x, size, headSize, 3)], 3);
}
