/** Token ids to the residual stream that enters layer 0. */
import type { Model } from "../models/mod.ts";
import { float32, toFloat32 } from "../tensor/mod.ts";
import { areFinite, notFinite, sumOfSquares } from "./finite.ts";

/** Embedding rows that are requested together: a remote file returns them in few requests. */
const ROWS = 1024;

/**
 * Embeds ids [N]: a function of token number that copies its row [D] into a buffer. Only the rows of the ids that occur
 * are read, each once. Throws `RangeError` for an id outside the vocabulary, and for rows that are not finite.
 */
export async function embed(model: Model, ids: Int32Array): Promise<Float32Array<ArrayBuffer>> {
  const { hidden, vocabulary, embeddingScale } = model.spec;
  const out = new Float32Array(ids.length * hidden);
  const places = new Map<number, number[]>();
  ids.forEach((id, place) => {
    if (id < 0 || id >= vocabulary) {
      throw new RangeError(`Cannot embed token ${id}: expected an id from 0 to ${vocabulary - 1}`);
    }
    const known = places.get(id);
    if (known) known.push(place);
    else places.set(id, [place]);
  });
  let squares = 0;
  const inOrder = [...places].sort(([a], [b]) => a - b);
  for (let first = 0; first < inOrder.length; first += ROWS) {
    await Promise.all(
      inOrder.slice(first, first + ROWS).map(async ([id, members]) => {
        const row = toFloat32(await model.weights.outer("embedding.weight", [id, id + 1]));
        squares += sumOfSquares(row) * embeddingScale ** 2 * members.length;
        if (!areFinite(squares)) {
          throw notFinite(model, "embedding", [["embedding.weight", float32([1, hidden], row)]]);
        }
        for (const place of members) out.set(row, place * hidden);
      }),
    );
  }
  if (embeddingScale !== 1) {
    for (let i = 0; i < out.length; i++) out[i] *= embeddingScale;
  }
  return out;
}
