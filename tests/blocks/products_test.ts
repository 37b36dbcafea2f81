/** Products with matrices in blocks on the CPU, in both of its precisions. */
import assert from "node:assert/strict";
import { cpuEngine } from "../../src/engine/mod.ts";
import { BLOCK_KINDS } from "../quantised.ts";
import { drawnMatrix, productErrors } from "./products.ts";

const ROWS = [1, 2, 7, 33];
/** Rows of the matrix, and blocks of each. */
const SHAPES = [[1, 1], [3, 2], [17, 3], [65, 5]] as const;

for (const precision of ["float32", "int8"] as const) {
  const engine = cpuEngine({ precision });
  for (const [name, kind] of Object.entries(BLOCK_KINDS)) {
    Deno.test(`${precision}: products with ${name} are those of the numbers`, async () => {
      for (const size of new Set([kind.size, 16, 64, 128, 256])) {
        for (const shape of SHAPES) {
          const errors = await productErrors(engine, drawnMatrix({ ...kind, size }, shape), ROWS);
          const label = `blocks of ${size}, [${shape}]: ${errors}`;
          assert.ok(errors.every((error) => error <= 1), label);
        }
      }
      assert.equal(engine.live, 0);
    });
  }
}
