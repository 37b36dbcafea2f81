/** Quantised folders as models: the logits that transformers computes with the weights as their libraries widen them, and families that take matrices apart. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { packingOf } from "core/models/mod.ts";
import { type Tensor, toFloat32, widened } from "core/tensor/mod.ts";
import { fixture, parse, readJson } from "../../fixtures/read.ts";
import { gramSums } from "../../model.ts";
import { blocksOf, engine, openFolder, refuses, widened as widenedModel, withFolder } from "../../support.ts";
import { beyond, stepDeviations } from "./parity.ts";
import { rewrite } from "./rewrite.ts";

const FOLDER = new URL("../../fixtures/quantised/", import.meta.url);
const expected = parse(await Deno.readFile(new URL("expected.safetensors", FOLDER)));
const names = [...Deno.readDirSync(FOLDER)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);

/** As much of a fixture as steps are held against. */
function fixtureOf(name: string) {
  const ids = expected.get("ids")!;
  const blocks = { ids: ids.data as Int32Array, samples: 1, length: ids.shape[0] };
  const tensors = new Map([["logits", expected.get(`${name}.logits`)!]]);
  return { blocks, expected: { folder: "", meta: {} as never, tensors } };
}

for (const name of names.sort()) {
  Deno.test(`${name}: logits are those of transformers with the widened weights`, async () => {
    using model = await openFolder(fileURLToPath(new URL(name, FOLDER)));
    const found = await stepDeviations(engine, { model, ...fixtureOf(name) });
    assert.equal(found.length, 16);
    assert.deepEqual(beyond(found), []);
  });
}

Deno.test("a folder whose configuration says that it is quantised, and no tensor is, is refused", async () => {
  const folder = fileURLToPath(new URL("gptq-4", FOLDER));
  const said = (quantization_config: object) =>
    openFolder(folder, "config.json", (config) => Object.assign(config, { quantization_config }));
  await refuses("TypeError: Cannot ", said, [
    [{ quant_method: "fp8" }, /config.json says .* by FP8, and no tensor is, expected X\.weight_scale_inv/],
    [{}, "q_proj.weight is missing: weights are packed (.qweight), and config.json has no"],
  ]);
});

Deno.test("a lease has the matrices of a layer in blocks where they are wanted so", async () => {
  using model = await openFolder(fileURLToPath(new URL("gptq-4", FOLDER)));
  const [kept, wide] = [await model.weights.layer(1, ({ bits }) => bits === 4), await model.weights.layer(1)];
  assert.equal(kept.blocks!.size, 7);
  assert.equal(kept.tensors.size, 2);
  for (const [name, matrix] of kept.blocks!) assert.deepEqual(widened(matrix), wide.tensors.get(name));
  [kept, wide].forEach(({ release }) => release());
});

Deno.test("GPTQ: columns are in order where they all share a scale, and where desc_act is not true", () => {
  const scattered = (more: object) => {
    const packing = packingOf({ quantization_config: { quant_method: "gptq", bits: 8, ...more } }, "it");
    assert.equal(packing?.method, "gptq");
    return packing.scattered;
  };
  assert.equal(scattered({ group_size: 128, desc_act: true }), true);
  assert.equal(scattered({ group_size: 128 }), false);
  assert.equal(scattered({ group_size: -1, desc_act: true }), false);
});

Deno.test("the format is what transformers reads by any of its names; names that contradict each other are refused", async () => {
  const cases: { method: "gptq" | "awq"; fields: Record<string, string>; format: string }[] = await readJson(
    "tests/fixtures/packing_formats.json",
  );
  const readable = { gptq: ["gptq", "gptq_v2"], awq: ["gemm"] };
  for (const { method, fields, format } of cases) {
    const read = () =>
      packingOf({ quantization_config: { quant_method: method, bits: 4, group_size: 64, ...fields } }, "it");
    const said = new Set(Object.values(fields).map((value) => value.toLowerCase()));
    const what = JSON.stringify([method, fields]);
    if (said.size > 1 || !readable[method].includes(format)) {
      assert.throws(read, /quantization_config: (checkpoint_format|format|version) is ".*", expected /, what);
      continue;
    }
    const packing = read();
    if (packing?.method === "gptq") assert.equal(packing.zerosLessOne, format === "gptq", what);
    else assert.equal(packing?.method, method, what);
  }
});

Deno.test("a folder that says format alone has the same weights as with the older name", async () => {
  const folder = fileURLToPath(new URL("gptq-order", FOLDER));
  const open = (drop: string) =>
    openFolder(folder, "config.json", (config) => {
      delete (config.quantization_config as Record<string, unknown>)[drop];
    });
  const models = [await open("checkpoint_format"), await open("format")];
  const [one, other] = await Promise.all(models.map(({ weights }) => weights.layer(0)));
  assert.deepEqual(one.tensors, other.tensors);
  for (const lease of [one, other]) lease.release();
  for (const model of models) model.close();
});

Deno.test("a text part may say how its weights are packed", async () => {
  const folder = fileURLToPath(new URL("gptq-4", FOLDER));
  using model = await openFolder(folder, "config.json", (config) => {
    const text_config = { ...config };
    for (const field of Object.keys(config)) if (field !== "model_type") delete config[field];
    Object.assign(config, { model_type: "mistral3", text_config: { ...text_config, model_type: "mistral" } });
  });
  assert.equal(model.weights.format, "safetensors GPTQ 4 bit");
});

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
        using model = await openFolder(folder, "config.json", (config) => {
          if (packed) config.quantization_config = { quant_method: "bitsandbytes", load_in_8bit: true };
        });
        assert.equal(model.weights.format, `safetensors ${packed ? "INT8" : "F32"}`);
        found = await gramSums(widenedModel(model), blocks); // no products with blocks, which round otherwise
      });
      return found;
    };
    assert.deepEqual(await sums(true), await sums(false));
  });
}
