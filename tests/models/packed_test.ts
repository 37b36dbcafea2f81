/** Quantised folders as models: the logits that transformers computes with the weights as their libraries widen them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { packingOf } from "../../src/models/mod.ts";
import { widened } from "../../src/tensor/mod.ts";
import { parse } from "../fixtures/read.ts";
import { engine, openFolder } from "../support.ts";
import { beyond, stepDeviations } from "./parity.ts";

const FOLDER = new URL("../fixtures/quantised/", import.meta.url);
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
    const model = await openFolder(fileURLToPath(new URL(name, FOLDER)));
    try {
      const found = await stepDeviations(engine, { model, ...fixtureOf(name) });
      assert.equal(found.length, 16);
      assert.deepEqual(beyond(found), []);
    } finally {
      model.close();
    }
  });
}

Deno.test("a folder whose configuration says that it is quantised, and no tensor is, is refused", async () => {
  const folder = fileURLToPath(new URL("gptq-4", FOLDER));
  const said = (quantization_config: object) =>
    openFolder(folder, "config.json", (config) => Object.assign(config, { quantization_config }));
  await assert.rejects(
    said({ quant_method: "fp8" }),
    /Cannot read gptq-4: config.json says .* by FP8, and no tensor is, expected X\.weight_scale_inv/,
  );
  await assert.rejects(
    said({}),
    /model\.layers\.0\.self_attn\.q_proj\.weight is missing: weights are packed \(\.qweight\), and config\.json has no/,
  );
});

Deno.test("a lease has the matrices of a layer in blocks where they are wanted so", async () => {
  const model = await openFolder(fileURLToPath(new URL("gptq-4", FOLDER)));
  const [kept, wide] = [await model.weights.layer(1, ({ bits }) => bits === 4), await model.weights.layer(1)];
  assert.equal(kept.blocks!.size, 7);
  assert.equal(kept.tensors.size, 2);
  for (const [name, matrix] of kept.blocks!) assert.deepEqual(widened(matrix), wide.tensors.get(name));
  kept.release();
  wide.release();
  model.close();
});

Deno.test("GPTQ: columns are in order where they all share a scale, and where desc_act is not true", () => {
  const scattered = (more: object) => {
    const packing = packingOf(
      { quantization_config: { quant_method: "gptq", bits: 8, ...more } },
      "config.json",
    );
    assert.equal(packing?.method, "gptq");
    return packing.scattered;
  };
  assert.equal(scattered({ group_size: 128, desc_act: true }), true);
  assert.equal(scattered({ group_size: 128 }), false);
  assert.equal(scattered({ group_size: -1, desc_act: true }), false);
});

Deno.test("the format is what transformers reads by any of its names; names that contradict each other are refused", async () => {
  const cases: { method: "gptq" | "awq"; fields: Record<string, string>; format: string }[] = JSON.parse(
    await Deno.readTextFile(new URL("../fixtures/packing_formats.json", import.meta.url)),
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
  const model = await openFolder(folder, "config.json", (config) => {
    const text_config = { ...config };
    for (const field of Object.keys(config)) if (field !== "model_type") delete config[field];
    Object.assign(config, { model_type: "mistral3", text_config: { ...text_config, model_type: "mistral" } });
  });
  assert.equal(model.weights.format, "safetensors GPTQ 4 bit");
  model.close();
});
