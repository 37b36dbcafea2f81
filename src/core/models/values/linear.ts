/** Weights in a graph, however an engine is fed them: products with them, norms of rows, and numbers that multiply rows. */
import { type Dim, type Graph, type Lowering, once, scalar, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { type BlockMatrix, type DType, formatOf, stackedRows } from "../../tensor/mod.ts";
import type { NormSpec } from "../pieces.ts";
import { blockInputs, blockProduct, type BlockWeight, type StoredTypes } from "./blocks.ts";

/** A layer's weights by canonical name: float32, but matrices in the type of products. */
export interface Weights {
  readonly values: ReadonlyMap<string, Value>;
  /** Matrices in blocks, which are no values. */
  readonly blocks?: ReadonlyMap<string, StackRows>;
  readonly products: Lowering["products"];
  /** What each matrix is multiplied with, by its name without "weight"; filled as products are made. */
  readonly inputs?: Map<string, Value>;
}

/** A weight that is fed as it is stored, and made what the graph computes with; to float32 that is exact. */
export function fedWeight(
  graph: Graph,
  name: string,
  stored: DType,
  shape: readonly Dim[],
  { bfloat16, products }: Pick<Lowering, "bfloat16" | "products">,
): Value {
  const dtype = stored === "bf16" && bfloat16 === "widened" ? "f32" : stored;
  return asFactor(graph.input(name, dtype, shape), dtype, shape, products);
}

/** A weight of some type as what a graph computes with: a matrix in the type of products, anything else in float32. */
export function asFactor(
  weight: Value,
  dtype: DType,
  shape: readonly Dim[],
  products: Lowering["products"],
): Value {
  const wanted = shape.length === 2 ? products : "f32";
  return dtype === wanted ? weight : op.Cast(weight, wanted);
}

/** Weights as inputs of a graph, `prefix` before their canonical names; `exact` are those whose products are float32 in every lowering. */
export function fedWeights(
  graph: Graph,
  needs: readonly (readonly [name: string, shape: readonly Dim[], ...unknown[]])[],
  stored: StoredTypes | undefined,
  { blocks: passes, bfloat16, products }: Pick<Lowering, "blocks" | "bfloat16" | "products">,
  { prefix = "", exact }: { readonly prefix?: string; readonly exact?: RegExp } = {},
): Weights {
  const values = new Map<string, Value>();
  const blocks = new Map<string, StackRows>();
  const shapes = new Map(needs.map(([name, shape]) => [name, shape]));
  for (const [name, shape] of needs) {
    const names = stackOf(name, stored);
    const stack = stackName(names);
    const part = (part: string) => stored?.get(`${stack}.${part}`);
    const first = blocks.get(names[0])?.stack;
    const found = first ?? blockInputs(graph, prefix + stack, Number(shape[1]), part, passes);
    if (found) {
      const sizes = names.map((name) => Number(shapes.get(name)![0]));
      blocks.set(name, { stack: found, sizes, index: names.indexOf(name) });
      continue;
    }
    const type = stored?.get(name)?.dtype ?? "f32";
    const own = { bfloat16, products: exact?.test(name) ? "f32" : products } as const;
    values.set(name, fedWeight(graph, prefix + name, type, shape, own));
  }
  return { values, blocks, products };
}

/** x Wᵀ + b, or + a sum that has the bias in it; what is added is float32, whatever the type of the product. */
export function linear(x: Value, name: string, weights: Weights, sum: Value | null = null): Value {
  const added = sum ?? weights.values.get(`${name}.bias`) ?? null;
  weights.inputs?.set(name, x);
  const block = weights.blocks?.get(`${name}.weight`);
  if (block) return stackRowsProduct(x, block, added);
  const matrix = weights.values.get(`${name}.weight`)!;
  if (weights.products === "f32") return op.Gemm(x, matrix, added);
  const product = op.Cast(op.Gemm(op.Cast(x, weights.products), matrix), "f32");
  return added ? op.Add(product, added) : product;
}

/** The norm of rows, or the rows themselves where there is none. */
export function norm(x: Value, spec: NormSpec | null, name: string, weights: Weights): Value {
  if (!spec) return x;
  const scale = spec.weight === false
    ? op.Expand(scalar(x.graph, 1), op.Shape(x, -1))
    : weights.values.get(`${name}.weight`)!;
  return spec.kind === "rms"
    ? op.SimplifiedLayerNormalization(x, scale, spec.epsilon)
    : op.LayerNormalization(x, scale, weights.values.get(`${name}.bias`) ?? null, spec.epsilon);
}

/** Times a number that is part of the model. */
export const scaled = (x: Value, factor = 1): Value => factor === 1 ? x : op.Mul(x, scalar(x.graph, factor));

/** Matrices of a module that have the same input. */
const SIDE_BY_SIDE = [
  ["q_proj", "g_proj", "k_proj", "v_proj"],
  ["q_a_proj", "kv_a_proj"],
  ["qkv_proj", "z_proj", "a_proj", "b_proj"],
  ["gate_proj", "up_proj"],
];

/** Between the names of a stack. */
const AND = " + ";

interface StackRows {
  readonly stack: BlockWeight;
  /** Rows of each matrix, and the place of this one. */
  readonly sizes: readonly number[];
  readonly index: number;
}

/**
 * Matrices by name, those with the same input and format as a stack (a copy), unless it has more than `most` bytes of quants: their rows
 * follow each other, are rounded to bytes and summed block by block once instead of three times, and one product starts the threads. A
 * stack has the names of its matrices, and `linear` finds each in it.
 */
export function stacked(blocks: ReadonlyMap<string, BlockMatrix>, most: number): Map<string, BlockMatrix> {
  const groups = Map.groupBy(blocks, ([name, matrix]) => groupOf(name, matrix));
  return new Map(
    [...groups.values()].flatMap((group): (readonly [string, BlockMatrix])[] => {
      const bytes = group.reduce((sum, [, { quants }]) => sum + quants.byteLength, 0);
      if (group.length === 1 || bytes > most) return group;
      return [[stackName(group.map(([name]) => name)), stackedRows(group.map(([, matrix]) => matrix))]];
    }),
  );
}

/** Matrices with the same answer are stacked. */
function groupOf(name: string, matrix: BlockMatrix): string {
  const [, module, own] = name.match(/^(.*)\.(\w+)\.weight$/) ?? [];
  const side = SIDE_BY_SIDE.findIndex((names) => names.includes(own));
  if (side < 0) return name;
  const { zeros, shape } = matrix;
  return JSON.stringify([
    module,
    side,
    formatOf(matrix),
    shape[1],
    typeof zeros === "number" ? zeros : "own",
  ]);
}

const stackName = (names: readonly string[]): string => names.join(AND);

/** The names of the stack that has a matrix; its own name where it is fed by itself. */
function stackOf(name: string, stored?: StoredTypes): readonly string[] {
  const fed = [...stored?.keys() ?? []].filter((key) => key.endsWith(".quants"));
  const stacks = fed.map((key) => key.slice(0, -".quants".length).split(AND));
  return stacks.find((names) => names.includes(name)) ?? [name];
}

/** x Wᵀ [N′, N] of rows x [N′, K], plus `added`; the product with the whole stack is made once. */
function stackRowsProduct(x: Value, { stack, sizes, index }: StackRows, added: Value | null): Value {
  if (sizes.length === 1) return blockProduct(x, stack, added);
  const key = `${x.name} times ${stack.scales.name}`;
  const own = once(x.graph, key, () => op.Split(blockProduct(x, stack, null), sizes, 1))[index];
  return added ? op.Add(own, added) : own;
}
