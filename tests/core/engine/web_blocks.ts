/**
 * Weights in blocks on the engine `webgpu` (web_test.ts): products of every form, beside float64, and every family in one of the forms, beside
 * the CPU with the same numbers widened.
 *
 * The library takes one kernel for a few rows, another from four rows on where blocks have 32 numbers, and reads one, two or four
 * numbers at once, as the matrix's sides allow: the shapes below meet all of them.
 */
import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import { drawnMatrix, productErrors } from "../../blocks/products.ts";
import { blockDeviations, blockTolerance } from "../../blocks/truth.ts";
import { beyond } from "../models/parity.ts";
import { BLOCK_KINDS, type BlockKind, quantised, quantisedNames } from "../../quantised.ts";
import { withFixture } from "../../model.ts";
import { byTurns, engine as cpu, isRelease, isThorough, thorough } from "../../support.ts";

const kinds: [string, BlockKind][] = Object.entries(BLOCK_KINDS);
const rows = isRelease ? [1, 2, 7, 33, 64, 300] : isThorough ? [1, 2, 7, 64] : [1, 7, 33];
/** Rows of the matrix, and blocks of each. */
const shapes = isRelease
  ? [[1, 1], [3, 2], [7, 5], [8, 4], [66, 2]] as const
  : isThorough
  ? [[1, 1], [7, 5], [66, 2]] as const
  : [[3, 1], [13, 3]] as const;

/** Families in the tests that every change must pass. */
const EVERYDAY = ["gemma2"];

/** Products and models in blocks. */
export function testBlocks(engine: Engine): void {
  for (const [i, [label, kind]] of kinds.entries()) {
    Deno.test(`webgpu: products with ${label} are those of the numbers`, async () => {
      const before = engine.live;
      for (const size of new Set([kind.size, ...byTurns([16, 64, 128], i)])) {
        for (const shape of shapes) {
          const errors = await productErrors(engine, drawnMatrix({ ...kind, size }, shape), rows);
          assert.ok(errors.every((error) => error <= 1), `blocks of ${size}, [${shape}]: ${errors}`);
        }
      }
      assert.equal(engine.live, before);
    });
  }

  for (const [i, name] of quantisedNames.entries()) {
    const [label, kind] = kinds[i % kinds.length];
    const test = EVERYDAY.includes(name) ? Deno.test : thorough;
    test(`webgpu, ${name} in ${label}: streams and logits are the CPU's with widened weights`, () =>
      withFixture(name, async ({ model, blocks }) => {
        const most = blockTolerance(engine, model.spec);
        const opened = { model: quantised(model, kind), blocks, most, isSlow: !isRelease };
        assert.deepEqual(beyond(await blockDeviations(engine, cpu, opened)), []);
      }));
  }
}
