/** The steps of plans of types: by what a byte costs, by a rule, all alike; and the table of words that is stored twice. */
import assert from "node:assert/strict";
import { oneTable } from "core/models/mod.ts";
import { byRise, chosenBy, together, type TypeStep, unmeasured } from "features/fit/types/steps.ts";
import type { Unit } from "features/fit/types/units.ts";
import { contentOf, encoded, ggufBytes, ggufContent, openGguf } from "core/weights/mod.ts";
import { float32, type Tensor } from "core/tensor/mod.ts";
import { bufferSource } from "../../buffer.ts";
import { join } from "../../core/weights/build.ts";

const level = (bits: number, bytes: number) => ({ bits, bytes, types: { out: `Q${bits}` } });
const table: Unit = {
  ...{ place: { table: "embedding" }, bits: 8, bytes: 800 },
  levels: [level(6, 600), level(5, 500), level(4, 400)],
};
const mlp = (layer: number): Unit => (
  { place: { module: "mlp", layer }, bits: 5, bytes: 50, levels: [level(4, 40)] }
);
const units = [table, ...[0, 1, 2].map(mlp)];
const bitsOf = (step: TypeStep) =>
  step.map((
    { unit: { place }, level },
  ) => ["table" in place ? "table" : "layer" in place && place.layer, level?.bits ?? 0]);

Deno.test("steps go by what a byte costs, along the hull of each unit; a drop is the step to no bits", () => {
  const measured = [
    [0.06, 0.03, 0.4].map((rise, i) => ({ level: table.levels[i], rise })),
    [{ level: mlp(0).levels[0], rise: 0.01 }, { level: null, rise: 0.012 }],
    [{ level: units[2].levels[0], rise: -0.002 }, { level: null, rise: 0.5 }],
    [{ level: units[3].levels[0], rise: 0.02 }],
  ];
  const steps = byRise(units, measured);
  // Prices by byte: table to 5 bits 0.03 / 300 (past 6 bits, which cost more), MLP 0 to none 0.012 / 50, MLP 1 to 4 bits 0, to none 0.5 / 40.
  assert.deepEqual(steps.map(bitsOf).flat(), [[1, 4], ["table", 5], [0, 0], [2, 4], ["table", 4], [1, 0]]);
  assert.equal(steps.length, 6);
  assert.deepEqual(bitsOf(chosenBy(steps, 5)), [[1, 4], ["table", 4], [0, 0], [2, 4]]);
  const joined = together(units, steps, 0.1); // each saves 95 of the 950 bytes, but the last
  assert.deepEqual(joined.map(bitsOf), [
    [[1, 4], ["table", 5]],
    [[0, 0], [2, 4], ["table", 4]],
    [[1, 0]],
  ]);
  for (let count = 1; count <= steps.length; count++) { // nested: a unit never becomes finer again
    const before = new Map(chosenBy(steps, count - 1).map(({ unit, level }) => [unit, level?.bytes ?? 0]));
    for (const { unit, level } of chosenBy(steps, count)) {
      assert.ok((level?.bytes ?? 0) <= (before.get(unit) ?? unit.bytes));
    }
  }
});

Deno.test("what measures nothing takes all parts down alike, or spares tables and ends by one type", () => {
  assert.deepEqual(unmeasured(units, false).map(bitsOf), [
    [["table", 6]],
    [["table", 5]],
    [["table", 4], [0, 4], [1, 4], [2, 4]],
  ]);
  assert.deepEqual(unmeasured(units, true).map(bitsOf), [
    [["table", 6]],
    [["table", 5], [1, 4]],
    [["table", 4], [0, 4], [1, 4], [2, 4]],
  ]);
});

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
