/**
 * Two tables of words in a file that are roundings of one: writers of GGUF files store a tied table twice where they give the head a
 * finer type than the embedding. Either of them serves as both.
 */
import { type BlockMatrix, toFloat32 } from "../../tensor/mod.ts";
import { ranges, type TensorFile } from "../../weights/mod.ts";

/** The table of the two that is stored finer, and the bytes of the other. */
type OneTable = { readonly both: "embedding" | "head"; readonly saved: number };

/** Numbers of each table that are compared at once. */
const CHUNK = 2 ** 22;
/**
 * Two roundings of one number are at most half a step of each apart. Writers fit scales to important numbers and round the scales
 * themselves, so that ends of blocks are further off: in Qwen2.5-Coder 0.5B and 1.5B, 2 and 0.3 of 1,000 numbers, by at most 2.2 times.
 */
const [FURTHEST, OFF] = [3, 0.05];

/** The table that may serve as both; null where a row differs by more than rounding, or either is not in blocks. Reads all rows. */
export async function oneTable(
  file: TensorFile,
  names: Readonly<Record<"embedding" | "head", string>>,
): Promise<OneTable | null> {
  const { embedding, head } = names;
  const [one, other] = [embedding, head].map((name) => file.tensors.get(name));
  if (!one?.blocks || !other?.blocks || embedding === head || one.shape.join() !== other.shape.join()) {
    return null;
  }
  const [rows, columns] = one.shape;
  for (const range of ranges(0, rows, Math.max(1, Math.floor(CHUNK / columns)))) {
    const [a, b] = await Promise.all([embedding, head].map(async (name) => ({
      numbers: toFloat32(await file.read(name, range)),
      matrix: await file.blocks!(name, range),
    })));
    if (!isRounding(a, b, columns)) return null;
  }
  return one.bytes > other.bytes
    ? { both: "embedding", saved: other.bytes }
    : { both: "head", saved: one.bytes };
}

type Rounded = { readonly numbers: Float32Array; readonly matrix: BlockMatrix };

/** Whether every row of two matrices is as near as two roundings of one are. */
function isRounding(a: Rounded, b: Rounded, columns: number): boolean {
  const half = ({ matrix: { scales, size } }: Rounded, at: number) =>
    Math.abs(scales[Math.floor(at / size)]) / 2;
  for (let row = 0; row < a.numbers.length; row += columns) {
    let off = 0;
    for (let at = row; at < row + columns; at++) {
      const apart = Math.abs(a.numbers[at] - b.numbers[at]);
      if (apart === 0) continue;
      const steps = apart / (half(a, at) + half(b, at));
      if (!(steps <= FURTHEST)) return false;
      if (steps > 1) off++;
    }
    if (off > OFF * columns) return false;
  }
  return true;
}
