/** How bitsandbytes describes a matrix of 4 bits: JSON in the bytes of `X.weight.quant_state.bitsandbytes__nf4`. */
import { parseObject } from "../safetensors/json.ts";
import { type Checkpoint, unfit } from "./matrix.ts";

/** Two numbers in a byte, and a scale for each block of numbers. */
export interface QuantState {
  readonly shape: readonly [rows: number, columns: number];
  /** Numbers that share a scale. */
  readonly blockSize: number;
  /** How the scales are packed in their turn; null where they are stored as they are. */
  readonly nested: { readonly blockSize: number; readonly offset: number } | null;
}

/** Bytes of a description; a real one has 170. */
const MOST_BYTES = 4096;
const MOST_BLOCK = 4096;

/** Reads a description. Throws `TypeError` or `SyntaxError` that names file and tensor. */
export async function readQuantState({ name, file }: Checkpoint, tensor: string): Promise<QuantState> {
  const { type, bytes } = file.tensors.get(tensor)!;
  if (type !== "U8" || bytes > MOST_BYTES) {
    throw unfit(name, tensor, `is ${type} of ${bytes} bytes`, `JSON in at most ${MOST_BYTES} bytes, in U8`);
  }
  const { data } = await file.read(tensor);
  const fields = parseObject(name, `tensor ${tensor}`, data as Uint8Array<ArrayBuffer>, 4);
  const wrong = (field: string, expected: string) =>
    unfit(
      name,
      tensor,
      `says that ${field} is ${JSON.stringify(fields[field])?.slice(0, 60) ?? "missing"}`,
      expected,
    );
  const count = (field: string) => {
    const found = fields[field];
    if (isCount(found) && found <= MOST_BLOCK) return found;
    throw wrong(field, `an integer from 1 to ${MOST_BLOCK}`);
  };
  const { shape, nested_blocksize, nested_offset } = fields;
  if (!Array.isArray(shape) || shape.length !== 2 || !shape.every(isCount)) {
    throw wrong("shape", "the two sides of a matrix");
  }
  const isNested = nested_blocksize !== undefined;
  if (isNested && (typeof nested_offset !== "number" || !Number.isFinite(nested_offset))) {
    throw wrong("nested_offset", "a number");
  }
  return {
    shape: [shape[0], shape[1]],
    blockSize: count("blocksize"),
    nested: isNested ? { blockSize: count("nested_blocksize"), offset: Number(nested_offset) } : null,
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number > 0 && value as number < 2 ** 31;
}
