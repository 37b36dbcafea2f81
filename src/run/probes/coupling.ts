import type { Engine } from "../../engine/mod.ts";
import type { AttentionSpec } from "../../models/mod.ts";
import { createGraph, MatMul, Mul, ReduceSum, Reshape, Transpose } from "../../onnx/mod.ts";
import { float32, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { take, withUploaded } from "../held.ts";

/** ‖W_qᵀ W_k‖ over all heads. Weights are divided by their largest number first: squares of squares may overflow. */
export async function coupling(
  engine: Engine,
  { heads, kvHeads, headSize }: AttentionSpec,
  hidden: number,
  query: Tensor,
  key: Tensor,
): Promise<number> {
  const graph = createGraph();
  const grams = ([["q", heads], ["k", kvHeads]] as const).map(([name, count]) => {
    const heads = Reshape(graph.input(name, "f32", [count * headSize, hidden]), [count, headSize, hidden]);
    return MatMul(heads, Transpose(heads, [0, 2, 1]));
  });
  const shape = [kvHeads, -1, headSize, headSize];
  const products = Mul(Reshape(grams[0], shape), Reshape(grams[1], shape));
  graph.output("squares", ReduceSum(products, [2, 3], 1));
  const program = await engine.compile(graph);
  try {
    const [q, k] = [query, key].map(scaled);
    const tensors = { q: q.tensor, k: k.tensor };
    const { squares } = await withUploaded(engine, tensors, (held) => program.run(held));
    const { data } = await take(engine, squares);
    return q.scale * k.scale * Math.sqrt(Math.max((data as Float32Array).reduce((a, b) => a + b, 0), 0));
  } finally {
    await program.release();
  }
}

function scaled(tensor: Tensor): { tensor: Tensor; scale: number } {
  const data = toFloat32(tensor);
  const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  return { tensor: float32(tensor.shape, data.map((value) => value / scale)), scale };
}
