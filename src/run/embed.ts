/** Token ids to the residual stream that enters layer 0. */
import type { Model } from "../models/mod.ts";
import { toFloat32 } from "../tensor/mod.ts";

/** Rows of the embedding that are read (and dequantised) at once; alone where there is one, or the source makes parts. */
const BLOCK = 1024;

/**
 * Embeds ids [N]: a function of token number that copies its row [D] into a buffer. Only stretches of the table that
 * the ids touch are read. Throws `RangeError` for an id outside the vocabulary.
 */
export async function embed(model: Model, ids: Int32Array): Promise<Float32Array<ArrayBuffer>> {
  const { hidden, vocabulary, embeddingScale } = model.spec;
  const rowsAtOnce = ids.length === 1 || model.weights.part ? 1 : BLOCK;
  const out = new Float32Array(ids.length * hidden);
  const places = new Map<number, number[]>();
  ids.forEach((id, place) => {
    if (id < 0 || id >= vocabulary) {
      throw new RangeError(`Cannot embed token ${id}: expected an id from 0 to ${vocabulary - 1}`);
    }
    const block = Math.trunc(id / rowsAtOnce);
    const known = places.get(block);
    if (known) known.push(place);
    else places.set(block, [place]);
  });
  for (const [block, members] of [...places].sort(([a], [b]) => a - b)) {
    const start = block * rowsAtOnce;
    const end = Math.min(start + rowsAtOnce, vocabulary);
    const rows = toFloat32(await model.weights.outer("embedding.weight", [start, end]));
    for (const place of members) {
      const row = (ids[place] - start) * hidden;
      out.set(rows.subarray(row, row + hidden), place * hidden);
    }
  }
  if (embeddingScale !== 1) {
    for (let i = 0; i < out.length; i++) out[i] *= embeddingScale;
  }
  return out;
}
