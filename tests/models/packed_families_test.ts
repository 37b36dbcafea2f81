/** Quantised matrices in families that take them apart: q, k and v in one, experts, latent attention. They are those widened before. */
import assert from "node:assert/strict";
import { type Tensor, toFloat32 } from "../../src/tensor/mod.ts";
import { fixture } from "../fixtures/read.ts";
import { blocksOf, gramSums, openFolder, widened, withFolder } from "../support.ts";
import { rewrite } from "./rewrite.ts";

/** A matrix as bitsandbytes' 8 bits, and as the float32 numbers that it holds. */
function rounded(matrix: Tensor): { quants: Tensor; magnitudes: Tensor; plain: Tensor } {
  const [rows, columns] = matrix.shape;
  const numbers = toFloat32(matrix);
  const quants = new Int8Array(numbers.length), magnitudes = new Float32Array(rows);
  const plain = new Float32Array(numbers.length);
  for (let row = 0; row < rows; row++) {
    const own = numbers.subarray(row * columns, (row + 1) * columns);
    magnitudes[row] = Math.max(...own.map(Math.abs));
    const scale = Math.fround(magnitudes[row] / 127);
    own.forEach((value, column) => {
      const at = row * columns + column;
      quants[at] = Math.round(value / scale);
      plain[at] = scale * quants[at];
    });
  }
  return {
    quants: { dtype: "i8", shape: matrix.shape, data: quants },
    magnitudes: { dtype: "f32", shape: [rows], data: magnitudes },
    plain: { dtype: "f32", shape: matrix.shape, data: plain },
  };
}

/** Every matrix of the layers, rounded: packed or as float32. */
function quantise(tensors: Map<string, Tensor>, packed: boolean): void {
  for (const [name, tensor] of [...tensors]) {
    if (!/layers\.\d+\..*\.weight$/.test(name) || tensor.shape.length !== 2) continue;
    const { quants, magnitudes, plain } = rounded(tensor);
    tensors.set(name, packed ? quants : plain);
    if (packed) tensors.set(name.replace(/weight$/, "SCB"), magnitudes);
  }
}

for (const name of ["phi3", "neox-parallel", "deepseek-v3", "qwen3-moe-loose", "gemma3"]) {
  Deno.test(`${name}, packed in 8 bits, is the model with the same numbers in float32`, async () => {
    const blocks = blocksOf(await fixture(name));
    const sums = async (packed: boolean) => {
      let found: unknown;
      await withFolder(async (folder) => {
        await rewrite(name, folder, (tensors) => quantise(tensors, packed));
        const model = await openFolder(folder, "config.json", (config) => {
          if (packed) config.quantization_config = { quant_method: "bitsandbytes", load_in_8bit: true };
        });
        assert.equal(model.weights.format, `safetensors ${packed ? "INT8" : "F32"}`);
        found = await gramSums(widened(model), blocks); // no products with blocks, which round otherwise
        model.close();
      });
      return found;
    };
    assert.deepEqual(await sums(true), await sums(false));
  });
}
