/** The importance of columns is the mean square of what each matrix is multiplied with, computed here in float64 from what `observe` shows. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { columnImportance, segmentsOf, tensorsOf } from "core/run/mod.ts";
import { observe } from "features/observe/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { toFloat32 } from "core/tensor/mod.ts";
import { engine, withFolder } from "../../support.ts";

const trained = fileURLToPath(new URL("../../../data/series/pre-ln/step04096", import.meta.url));
const [SAMPLES, LENGTH, LAYER, D] = [3, 32, 4, 96];

/** Rows over their root mean square, times a weight. */
function normed(rows: Float32Array, weight: Float32Array): Float64Array {
  return Float64Array.from(rows, (_, i) => {
    const row = rows.subarray(Math.floor(i / D) * D, (Math.floor(i / D) + 1) * D);
    const square = row.reduce((sum, value) => sum + value * value, 0) / D;
    return rows[i] / Math.sqrt(square + 1e-6) * weight[i % D];
  });
}

/** Rows [N, K] times Wᵀ, W [M, K]. */
function product(rows: Float64Array, weight: Float32Array): Float64Array {
  const width = weight.length / D;
  return Float64Array.from({ length: rows.length / D * width }, (_, i) => {
    const [row, unit] = [Math.floor(i / width) * D, (i % width) * D];
    let sum = 0;
    for (let k = 0; k < D; k++) sum += rows[row + k] * weight[unit + k];
    return sum;
  });
}

/** The mean square of each column; a relative error of 1e-5 is that of float32 sums over some hundred tokens. */
function expectSquares(found: Float32Array, rows: ArrayLike<number>, name: string) {
  const columns = found.length, count = rows.length / columns;
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += rows[row * columns + column] ** 2;
    assert.ok(Math.abs(found[column] - sum / count) <= 1e-5 * sum / count, `${name}, column ${column}`);
  }
}

Deno.test("every group's columns, and the head's, weigh as much as their inputs", () =>
  withFolder(async (folder) => {
    using model = await openModel(trained);
    const ids = Int32Array.from({ length: SAMPLES * LENGTH }, (_, i) => 3 + 7 * i % 300);
    const text = `${folder}/ids.json`;
    await Deno.writeTextFile(text, JSON.stringify([...ids]));
    const blocks = { ids, samples: SAMPLES, length: LENGTH };
    const found = await columnImportance({ model, engine, segments: segmentsOf(blocks) });
    const own = (hash: string, name: string) =>
      tensorsOf({ embedding: "Q8_0", tensors: hash }).get(name)!.data as Float32Array;
    const seen: Record<string, Float32Array[]> = { x: [], a: [], mixed: [], y: [] };
    await observe(model, (values) => {
      for (const name of ["x", "a", "mixed", "y"] as const) {
        if (values.layer === (name === "y" ? 7 : LAYER)) seen[name].push(values[name].data);
      }
    }, {
      values: ["x", "a", "mixed", "y"],
      text,
      samples: SAMPLES,
      length: LENGTH,
      engine: "cpu",
      bos: false,
    });
    const all = (name: string) => Float32Array.from(seen[name].flatMap((one) => [...one]));
    const lease = await model.weights.layer(LAYER);
    const weight = (name: string) => toFloat32(lease.tensors.get(name)!);
    const { attention, mlp } = found.modules[LAYER];
    expectSquares(own(attention!, "in.importance"), normed(all("x"), weight("attention.norm.weight")), "qkv");
    expectSquares(own(attention!, "out.importance"), all("mixed"), "o");
    const [x, a] = [all("x"), all("a")];
    const read = normed(x.map((value, i) => value + a[i]), weight("mlp.norm.weight"));
    expectSquares(own(mlp!, "in.importance"), read, "gate-up");
    const [gate, up] = ["gate", "up"].map((name) => product(read, weight(`mlp.${name}_proj.weight`)));
    const inner = gate.map((value, i) => value / (1 + Math.exp(-value)) * up[i]);
    expectSquares(own(mlp!, "out.importance"), inner, "down");
    const final = toFloat32(await model.weights.outer("final_norm.weight"));
    expectSquares(own(found.head, "importance"), normed(all("y"), final), "head");
    lease.release();
  }));
