/** Rounded matrices are kept in blocks: by weights, tensor, type and importance. */
import assert from "node:assert/strict";
import { roundedOnce } from "core/run/plan/rounded.ts";
import { float32 } from "core/tensor/mod.ts";
import { rounded, type WeightSource } from "core/weights/mod.ts";

const matrix = (seed: number) =>
  float32([4, 64], Float32Array.from({ length: 256 }, (_, i) => Math.sin(seed * (i + 1))));

Deno.test("a matrix is rounded once for its weights, key and type, to what rounding gives", async () => {
  const [weights, others] = [{}, {}] as WeightSource[];
  const own = await roundedOnce(weights, "a", "Q4_0", matrix(1), {});
  assert.deepEqual(own.data, rounded("Q4_0", matrix(1)).data);
  const again = await roundedOnce(weights, "a", "Q4_0", matrix(2), {});
  assert.deepEqual(again, own, "the key names what is rounded, so its blocks are there");
  for (
    const [of, key, type] of [[others, "a", "Q4_0"], [weights, "b", "Q4_0"], [weights, "a", "Q5_0"]] as const
  ) {
    const other = await roundedOnce(of, key, type, matrix(2), {});
    assert.deepEqual(other.data, rounded(type, matrix(2)).data, `${key} ${type}`);
  }
});
