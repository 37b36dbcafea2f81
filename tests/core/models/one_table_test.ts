/** One table of words that a file stores twice. */
import assert from "node:assert/strict";
import { oneTable } from "core/models/mod.ts";
import { float32, type Tensor } from "core/tensor/mod.ts";
import { contentOf, encoded, ggufBytes, ggufContent, openGguf } from "core/weights/mod.ts";
import { bufferSource } from "../../buffer.ts";
import { join } from "../weights/build.ts";

/** A file with two tables of words in types of blocks. */
async function tablesIn(types: readonly [string, string], numbers: readonly [Tensor, Tensor]) {
  const names = ["token_embd.weight", "output.weight"];
  const tensors = names.map((name, i) => (
    { name, type: types[i], shape: numbers[i].shape, ...contentOf(encoded(types[i], numbers[i])) }
  ));
  const metadata = [["general.architecture", ggufBytes.text("llama")]] as const;
  const parts = await Array.fromAsync(ggufContent(metadata, tensors).parts());
  const file = await openGguf(bufferSource("tables", join(...parts)));
  return await oneTable(file, { embedding: names[0], head: names[1] });
}

Deno.test("two roundings of one table are one, the finer; a row that is another's is not", async () => {
  const waves = (i: number) => [1, 2, 3, 4, 5, 6].reduce((sum, k) => sum + Math.sin(k * i * i), 0);
  const values = Float32Array.from({ length: 4096 }, (_, i) => waves(i));
  const numbers = float32([64, 64], values);
  const both = [numbers, numbers] as const;
  assert.deepEqual(await tablesIn(["Q4_0", "Q8_0"], both), { both: "head", saved: 64 * 2 * 18 });
  assert.deepEqual(await tablesIn(["Q5_1", "Q4_1"], both), { both: "embedding", saved: 64 * 2 * 20 });
  const other = float32([64, 64], values.map((value, i) => i < 63 * 64 ? value : values[i - 63 * 64])); // the last row is the first
  assert.equal(await tablesIn(["Q4_0", "Q8_0"], [numbers, other]), null);
  const near = float32([64, 64], values.map((value, i) => i === 100 ? value + 2 : value));
  assert.equal(await tablesIn(["Q8_0", "Q8_0"], [numbers, near]), null, "one number");
  assert.equal(await tablesIn(["Q8_0", "F32"], [numbers, numbers]), null, "not in blocks");
});
