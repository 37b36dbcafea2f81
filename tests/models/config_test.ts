/** A configuration that is not understood to the last field is an error that names file and field. */
import assert from "node:assert/strict";
import { allowedFields, readSpec } from "../../src/models/mod.ts";
import { fixtureNames } from "../fixtures/read.ts";
import { refused } from "./refused_configs.ts";

const FILE = "model: config.json";

async function configOf(fixture: string): Promise<Record<string, unknown>> {
  const url = new URL(`../fixtures/models/${fixture}/config.json`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

for (const [fixture, change, message] of refused) {
  const what = Deno.inspect(change, { compact: true, breakLength: Infinity, strAbbreviateSize: 60 });
  Deno.test(`${fixture} with ${what} is refused`, async () => {
    const config = { ...await configOf(fixture), ...change };
    assert.throws(() => readSpec(config, FILE), (error: Error) => {
      assert.match(error.message, message);
      assert.match(error.message, /model: config\.json/);
      return error instanceof TypeError || error instanceof RangeError;
    });
  });
}

for (const [what, raw] of [["a list", []], ["null", null], ["a number", 3]] as const) {
  Deno.test(`config.json that is ${what} is refused`, () => {
    const found = JSON.stringify(raw).replace(/[[\]]/g, "\\$&");
    assert.throws(() => readSpec(raw, FILE), {
      name: "TypeError",
      message: new RegExp(`^Cannot read ${FILE}: found ${found}, expected a JSON object`),
    });
  });
}

Deno.test("fields that are empty, off or say nothing about the arithmetic are passed over", async () => {
  const config = await configOf("llama");
  const more = {
    quantization_config: null,
    new_flag: false,
    experts: [],
    _attn: "eager",
    unsloth_version: "1",
  };
  assert.deepEqual(readSpec({ ...config, ...more }, FILE), readSpec(config, FILE));
});

Deno.test("of a model of text and images the text part is read", async () => {
  const vision_config = { model_type: "siglip_vision_model", hidden_size: 8 };
  for (const [type, name] of [["gemma3", "gemma3"], ["mistral3", "mistral"]]) {
    const text_config = await configOf(name);
    const outer = {
      model_type: type,
      text_config,
      vision_config,
      image_token_index: 5,
      architectures: ["X"],
    };
    assert.deepEqual(readSpec(outer, FILE), readSpec(text_config, FILE));
    const strict = { ...outer, text_config: { ...text_config, num_local_experts: 8 } };
    assert.throws(() => readSpec(strict, FILE), /config\.json: text_config: field num_local_experts is 8/);
    assert.throws(() => readSpec({ ...outer, moe_layers: 2 }, FILE), /config\.json: field moe_layers is 2/);
    const other = { ...outer, text_config: { ...text_config, model_type: "llama4_text" } };
    assert.throws(() => readSpec(other, FILE), /text_config: model_type is "llama4_text", expected/);
    assert.throws(() => readSpec({ ...outer, text_config: null }, FILE), /text_config is missing/);
  }
});

Deno.test("a share of each head that the family ignores may be 1, and is passed over on request", async () => {
  for (const name of ["llama", "mixtral", "gemma2", "cohere2", "olmo3", "deepseek-v3"]) {
    const config = await configOf(name);
    const spec = readSpec(config, FILE);
    assert.deepEqual(readSpec({ ...config, partial_rotary_factor: 1 }, FILE), spec);
    assert.deepEqual(readSpec({ ...config, partial_rotary_factor: null }, FILE), spec);
    assert.throws(
      () => readSpec({ ...config, partial_rotary_factor: 0.5 }, FILE),
      /field partial_rotary_factor/,
    );
    assert.deepEqual(
      readSpec({ ...config, partial_rotary_factor: 0.5 }, FILE, ["partial_rotary_factor"]),
      spec,
    );
  }
});

Deno.test("a field that nobody knows is passed over on request, inside the text part too", async () => {
  const text_config = { ...await configOf("gemma3"), favourite_colour: "blue", rope_scaling: null };
  const outer = { model_type: "gemma3", text_config, favourite_food: "rice" };
  const names = ["favourite_food", "favourite_colour", "hidden_size", "absent"];
  assert.deepEqual(allowedFields(outer, FILE, names), ["favourite_colour", "favourite_food"]);
  assert.deepEqual(readSpec(outer, FILE, names), readSpec(await configOf("gemma3"), FILE));
  assert.throws(
    () => readSpec(outer, FILE, ["favourite_food"]),
    /text_config: field favourite_colour is "blue"/,
  );
  const quantised = { ...await configOf("llama"), quantization_config: { quant_method: "hqq" } };
  assert.throws(() => readSpec(quantised, FILE, ["quantization_config"]), /quantised by hqq/); // that is no such field
});

Deno.test("the outer configuration says whether the head is tied where the text part does not", async () => {
  const { tie_word_embeddings: _, ...text_config } = await configOf("mistral");
  const tied = (outer: object) => readSpec({ model_type: "mistral3", text_config, ...outer }, FILE).head.tied;
  assert.deepEqual([tied({}), tied({ tie_word_embeddings: true })], [false, true]);
  const own = { ...text_config, tie_word_embeddings: false };
  assert.equal(tied({ text_config: own, tie_word_embeddings: true }), false);
});

for (const name of fixtureNames) {
  Deno.test(`${name}: both dialects of the configuration give the same model`, async () => {
    const url = new URL(`../fixtures/models/${name}/config.older.json`, import.meta.url);
    const older = JSON.parse(await Deno.readTextFile(url));
    assert.deepEqual(readSpec(older, FILE), readSpec(await configOf(name), FILE));
  });
}

Deno.test("the longest text of the training is what a configuration, or that of its text part, calls it", async () => {
  const config = await configOf("llama");
  const trained = (change: Record<string, unknown>, from = config) =>
    readSpec({ ...from, ...change }, FILE).trained;
  assert.equal(trained({ max_position_embeddings: 77 }), 77);
  for (const nothing of [undefined, null]) {
    assert.equal(trained({ max_position_embeddings: nothing }), undefined);
  }
  const learned = await configOf("gpt2");
  assert.equal(trained({}, learned), learned.n_positions);
});
