/**
 * A checkpoint whose configuration ties the head to the embedding, and whose file has another head. transformers 5 then uses the head of
 * the file, and so does Lamina; transformers 4 used the embedding. A head that equals the embedding is tied as the configuration says.
 */
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { ranges, type TensorFile } from "../../weights/mod.ts";

/** Numbers of each tensor that are compared at once. */
const CHUNK = 2 ** 20;

/**
 * Whether two tensors of a file differ in shape or in a number; reads no further than the first difference. Tensors of one type are
 * compared as they are stored, which is ten times faster.
 */
export async function differ(file: TensorFile, names: readonly [string, string]): Promise<boolean> {
  const [one, other] = names.map((name) => file.tensors.get(name)!);
  const isFloat = [one, other].every(({ dtype }) => dtype === "f32" || dtype === "f16" || dtype === "bf16");
  if (!isFloat || one.shape.join() !== other.shape.join()) return true;
  const [rows, ...rest] = one.shape;
  const step = Math.max(1, Math.floor(CHUNK / rest.reduce((product, side) => product * side, 1)));
  for (const range of ranges(0, rows, step)) {
    const [a, b] = await Promise.all(names.map((name) => file.read(name, range)));
    if (!(a.dtype === b.dtype ? equal(a.data, b.data) : equal(toFloat32(a), toFloat32(b)))) return true;
  }
  return false;
}

function equal(a: Tensor["data"], b: Tensor["data"]): boolean {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

/** The configuration of a model whose head is its own. */
export function untied<Fields extends Readonly<Record<string, unknown>>>(config: Fields): Fields {
  const { text_config: text } = config;
  return {
    ...config,
    tie_word_embeddings: false,
    ...typeof text === "object" && text !== null
      ? { text_config: { ...text, tie_word_embeddings: false } }
      : {},
  };
}
