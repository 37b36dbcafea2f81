/** Matrices that are rounded once and kept in blocks: what is kept for whom, and in how much room. */
import assert from "node:assert/strict";
import { roomIn, roundedOnce } from "core/run/plan/rounded.ts";
import { float32, toFloat32 } from "core/tensor/mod.ts";
import { encodedBytes, rounded, type WeightSource } from "core/weights/mod.ts";

const SHAPE = [3, 64];
const BYTES = encodedBytes("Q4_0", SHAPE);
const matrix = (by: number) => float32(SHAPE, Float32Array.from({ length: 192 }, (_, i) => Math.sin(i * by)));

Deno.test("a matrix is rounded once for its weights, its name and its type, and is kept while there is room", async () => {
  assert.deepEqual([roomIn(4000), roomIn(2 ** 33 + 8), roomIn(2 ** 40)], [1000, 2 ** 31, 2 ** 31]);
  const [weights, other] = [{}, {}] as WeightSource[];
  const made = async (by: number, key = "a", own = weights, type = "Q4_0", room?: number) =>
    toFloat32(await roundedOnce(own, key, type, () => Promise.resolve(matrix(by)), {}, room));
  const of = (by: number, type = "Q4_0") => toFloat32(rounded(type, matrix(by)));
  assert.deepEqual(await made(1), of(1));
  assert.deepEqual(await made(2), of(1), "it is not rounded again");
  assert.deepEqual(await made(3, "a", weights, "Q8_0"), of(3, "Q8_0"));
  // A room of two; a third is rounded each time.
  const names = ["a", "b", "c"];
  const again = async (by: number) => {
    const all: Float32Array[] = [];
    for (const name of names) all.push(await made(by, name, other, "Q4_0", 2 * BYTES));
    return all;
  };
  assert.deepEqual(await again(2), [of(2), of(2), of(2)]);
  assert.deepEqual(await again(3), [of(2), of(2), of(3)]);
});
