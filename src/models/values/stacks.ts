/**
 * Matrices in blocks that multiply the same rows, fed as one: their rows follow each other. The rows are rounded to bytes, and summed
 * block by block, once instead of three times, and one product starts the threads. A stack has the names of its matrices, and `linear`
 * finds each in it.
 */
import { Add, Split, type Value } from "../../onnx/mod.ts";
import { type BlockMatrix, formatOf, stackedRows } from "../../tensor/mod.ts";
import { blockProduct, type BlockWeight, type StoredTypes } from "./blocks.ts";
import { once } from "./once.ts";

/** Matrices of a module that have the same input. */
const SIDE_BY_SIDE = [
  ["q_proj", "g_proj", "k_proj", "v_proj"],
  ["q_a_proj", "kv_a_proj"],
  ["qkv_proj", "z_proj", "a_proj", "b_proj"],
  ["gate_proj", "up_proj"],
];

/** Between the names of a stack. */
const AND = " + ";

/** A matrix as rows of a stack, which may have this one alone. */
export interface StackRows {
  readonly stack: BlockWeight;
  /** Rows of each matrix, and the place of this one. */
  readonly sizes: readonly number[];
  readonly index: number;
}

/**
 * Matrices by name, those with the same input and format as a stack (a copy), unless it has more than `most` bytes of quants.
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

/** The name of a stack of matrices. */
export function stackName(names: readonly string[]): string {
  return names.join(AND);
}

/** The names of the stack that has a matrix; its own name where it is fed by itself. */
export function stackOf(name: string, stored?: StoredTypes): readonly string[] {
  const fed = [...stored?.keys() ?? []].filter((key) => key.endsWith(".quants"));
  const stacks = fed.map((key) => key.slice(0, -".quants".length).split(AND));
  return stacks.find((names) => names.includes(name)) ?? [name];
}

/** x Wᵀ [N′, N] of rows x [N′, K], plus `added`; the product with the whole stack is made once. */
export function stackRowsProduct(x: Value, { stack, sizes, index }: StackRows, added: Value | null): Value {
  if (sizes.length === 1) return blockProduct(x, stack, added);
  const key = `${x.name} times ${stack.scales.name}`;
  const own = once(x.graph, key, () => Split(blockProduct(x, stack, null), sizes, 1))[index];
  return added ? Add(own, added) : own;
}
