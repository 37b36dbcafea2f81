/**
 * A tiny model with its matrices in blocks: who wants them as they are stored gets them so, anybody else the same numbers widened.
 * The arrays of a lease are overwritten when it ends, so that a use after that is seen.
 */
import { layerTensors, type Model, type ModelSpec, outerTensors, readSpec } from "core/models/mod.ts";
import {
  blockColumns,
  type BlockFormat,
  type BlockMatrix,
  blockRows,
  float32,
  formatOf,
  middleOf,
  type Tensor,
  toFloat32,
  widened,
} from "core/tensor/mod.ts";
import { fixtureNames } from "./fixtures/read.ts";
import { type Cut, cutTensor, type KeepsBlocks, type Lease, type WeightSource } from "core/weights/mod.ts";

export interface BlockKind extends Omit<BlockFormat, "zero"> {
  readonly ownZeros: boolean;
}

/** One of each form that files have: Q4_0's, GPTQ's and AWQ's, Q4_1's, Q8_0's and Q6_K's. */
export const BLOCK_KINDS = {
  "4 bits": { bits: 4, size: 32, ownZeros: false, hasOffsets: false },
  "4 bits with zeros of their own": { bits: 4, size: 32, ownZeros: true, hasOffsets: false },
  "4 bits with offsets": { bits: 4, size: 32, ownZeros: false, hasOffsets: true },
  "8 bits": { bits: 8, size: 32, ownZeros: false, hasOffsets: false },
  "8 bits in blocks of 16": { bits: 8, size: 16, ownZeros: true, hasOffsets: false },
} as const satisfies Record<string, BlockKind>;

/** Blocks of a width that blocks of 32 do not divide. */
const SMALL = 16;

export function specOf(name: string): ModelSpec {
  const config = new URL(`fixtures/models/${name}/config.json`, import.meta.url);
  return readSpec(JSON.parse(Deno.readTextFileSync(config)), name);
}

/** Fixtures whose streams are as wide as whole blocks: all others would stay dense. */
export const quantisedNames: readonly string[] = fixtureNames.filter((name) =>
  specOf(name).hidden % SMALL === 0
);

/** The model in blocks. Rows of a width that blocks of 32 do not divide are in blocks of 16, or dense. */
export function quantised({ weights, ...model }: Model, kind: BlockKind): Model {
  return { ...model, weights: inBlocks(weights, kind, model.spec) };
}

function inBlocks(weights: WeightSource, kind: BlockKind, spec: ModelSpec): WeightSource {
  const outer = outerTensors({ ...spec, head: { ...spec.head, tied: false } });
  const shapes = [...spec.layers.map((layer) => layerTensors(layer, spec.hidden)), outer].map((needs) =>
    new Map(needs.map(([name, shape]) => [name, shape]))
  );
  async function part(l: number, cuts: ReadonlyMap<string, Cut | null>, keeps?: KeepsBlocks): Promise<Lease> {
    const lease = await weights.part(l, new Map([...cuts.keys()].map((name) => [name, null])));
    return leaseOf(lease, kind, cuts, keeps);
  }
  return {
    ...weights,
    isInBlocks: true,
    storage(l, name) {
      const blocks = formatFor(shapes[l ?? spec.layers.length].get(name)!, kind);
      return l === null && !blocks ? weights.storage(l, name) : { dtype: "f32", blocks };
    },
    async layer(l, keeps) {
      return leaseOf(await weights.layer(l), kind, null, keeps);
    },
    part,
    async outer(name, rows) {
      const tensor = await weights.outer(name);
      const matrix = quantisedMatrix(tensor, kind);
      const numbers = matrix ? widened(matrix) : tensor;
      return rows ? cutTensor(numbers, { axis: 0, start: rows[0], end: rows[1] }) : numbers;
    },
    async outerBlocks(name, keeps) {
      const matrix = quantisedMatrix(await weights.outer(name), kind);
      return matrix && keeps(formatOf(matrix)) ? matrix : null;
    },
  };
}

function leaseOf(
  lease: Lease,
  kind: BlockKind,
  cuts: ReadonlyMap<string, Cut | null> | null,
  keeps: KeepsBlocks = () => false,
): Lease {
  const tensors = new Map<string, Tensor>();
  const blocks = new Map<string, BlockMatrix>();
  for (const [name, tensor] of lease.tensors) {
    const cut = cuts?.get(name) ?? null;
    const matrix = quantisedMatrix(tensor, kind);
    const kept = matrix && keeps(formatOf(matrix)) ? cutBlocks(matrix, cut) : null;
    const numbers = matrix ? widened(matrix) : float32(tensor.shape, toFloat32(tensor).slice());
    if (kept) blocks.set(name, kept);
    else tensors.set(name, cut ? cutTensor(numbers, cut) : numbers);
  }
  return {
    tensors,
    blocks,
    release() {
      for (const { data } of tensors.values()) (data as Float32Array).fill(NaN);
      for (const { quants, scales } of blocks.values()) {
        quants.fill(255);
        scales.fill(NaN);
      }
      lease.release();
    },
  };
}

function cutBlocks(matrix: BlockMatrix, cut: Cut | null): BlockMatrix | null {
  if (!cut) return matrix;
  return cut.axis === 0 ? blockRows(matrix, cut.start, cut.end) : blockColumns(matrix, cut.start, cut.end);
}

/** A matrix in blocks, each number rounded to the nearest that its block has; null for what stays dense. */
function quantisedMatrix(tensor: Tensor, kind: BlockKind): BlockMatrix | null {
  const [rows, columns] = tensor.shape;
  const format = formatFor(tensor.shape, kind);
  if (!format) return null;
  const { size } = format;
  const { bits, ownZeros, hasOffsets } = kind;
  const values = toFloat32(tensor);
  const perRow = columns / size, zerosWidth = Math.ceil(perRow * bits / 8);
  const quants = new Uint8Array(rows * columns * bits / 8);
  const scales = new Float32Array(rows * perRow), offsets = new Float32Array(rows * perRow);
  const zeros = new Uint8Array(rows * zerosWidth);
  for (let block = 0; block < scales.length; block++) {
    const row = Math.floor(block / perRow);
    const numbers = values.subarray(block * size, (block + 1) * size);
    const { scale, zero, offset } = gridOf(numbers, kind);
    [scales[block], offsets[block]] = [scale, offset];
    pack(zeros, bits, row * zerosWidth * 8 / bits + block - row * perRow, zero);
    numbers.forEach((number, i) =>
      pack(quants, bits, block * size + i, nearest((number - offset) / scale + zero, bits))
    );
  }
  return {
    bits,
    size,
    shape: [rows, columns],
    quants,
    scales,
    zeros: ownZeros ? zeros : middleOf(bits),
    offsets: hasOffsets ? offsets : null,
  };
}

/** The blocks of a matrix; undefined for what stays dense. */
function formatFor(shape: readonly number[], { ownZeros, ...kind }: BlockKind): BlockFormat | undefined {
  const size = [kind.size, SMALL].find((size) => shape[1] % size === 0);
  if (shape.length !== 2 || size === undefined) return undefined;
  return { ...kind, size, zero: ownZeros ? null : middleOf(kind.bits) };
}

/** Scale, zero and offset of a block: its largest number, or its smallest and its largest, are where quants end. */
function gridOf(numbers: Float32Array, { bits, ownZeros, hasOffsets }: BlockKind) {
  const middle = middleOf(bits);
  if (!ownZeros && !hasOffsets) {
    const most = numbers.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
    return { scale: Math.fround(most / (middle - 1)) || 1, zero: middle, offset: 0 };
  }
  const [least, most] = [Math.min(...numbers, 0), Math.max(...numbers, 0)];
  const scale = Math.fround((most - least) / (2 ** bits - 1)) || 1;
  return hasOffsets
    ? { scale, zero: middle, offset: Math.fround(least + scale * middle) }
    : { scale, zero: nearest(-least / scale, bits), offset: 0 };
}

function nearest(value: number, bits: number): number {
  return Math.min(Math.max(Math.round(value), 0), 2 ** bits - 1);
}

/** Element i of a packed array; a byte of two has the first in its lower half. */
function pack(into: Uint8Array, bits: 4 | 8, i: number, quant: number): void {
  if (bits === 8) into[i] = quant;
  else into[i >> 1] |= quant << 4 * (i & 1);
}
