/** A configuration that is not understood to the last field is an error that names file and field. */
import assert from "node:assert/strict";
import { allowedFields, readSpec } from "../../src/models/mod.ts";
import { fixtureNames } from "../fixtures/read.ts";

const FILE = "model: config.json";

async function configOf(fixture: string): Promise<Record<string, unknown>> {
  const url = new URL(`../fixtures/models/${fixture}/config.json`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

/** What is wrong, the fixture whose configuration it is put into, the change, and what the message must say. */
const refused: [what: string, fixture: string, change: Record<string, unknown>, message: RegExp][] = [
  ["no model type", "llama", { model_type: undefined }, /model_type is missing, expected a string/],
  [
    "an unknown model type",
    "llama",
    { model_type: "mamba" },
    /model_type is "mamba", expected one of llama, /,
  ],
  [
    "a model type of Object",
    "llama",
    { model_type: "constructor" },
    /model_type is "constructor", expected one/,
  ],
  [
    "a skip per layer",
    "llama",
    { per_layer_config: { 1: { skip: ["attention"] } } },
    /field per_layer_config is/,
  ],
  ["more layers than any model", "gpt2", { n_layer: 1e9 }, /n_layer is 1000000000, expected .* at most 4096/],
  [
    "experts in words",
    "mixtral",
    { num_local_experts: "4" },
    /num_local_experts is "4", expected an integer/,
  ],
  [
    "more groups than there are",
    "deepseek-v3",
    { topk_group: 5 },
    /topk_group is 5, expected at most 4, the number of groups \(n_group\)/,
  ],
  [
    "a rotation of an odd size, whatever head_dim says",
    "deepseek-v3",
    { qk_rope_head_dim: 3 },
    /Cannot rotate 3 of 3 numbers of a head/,
  ],
  [
    "an unknown kind of layer",
    "qwen3-next",
    { layer_types: ["linear_attention", "sliding_attention", "full_attention"] },
    /layer_types\[1\] is "sliding_attention", expected "linear_attention" or "full_attention"/,
  ],
  [
    "kinds of layers in a word",
    "qwen3-next",
    { layer_types: "full_attention" },
    /layer_types is not a list, expected an entry/,
  ],
  ["experts", "mistral", { num_local_experts: 8 }, /field num_local_experts is 8/],
  ...([
    [{ quant_method: "awq", bits: 4 }, "AWQ"],
    [{ quant_method: "gptq", bits: 4 }, "GPTQ"],
    [{ quant_method: "bitsandbytes", load_in_4bit: true }, "bitsandbytes"],
    [{ load_in_8bit: true }, "bitsandbytes"],
    [{ quant_method: "fp8", weight_block_size: [128, 128] }, "FP8"],
    [{ quant_method: "constructor" }, "constructor"],
    [{ bits: 4 }, "an unnamed method"],
  ] as const).map(([quantization_config, method]): typeof refused[number] => [
    `weights quantised by ${method}, ${Object.keys(quantization_config)}`,
    "llama",
    { quantization_config },
    new RegExp(`quantization_config says that the weights are quantised by ${method}, expected the original`),
  ]),
  [
    "a copied base that differs",
    "neox-parallel",
    { rope_theta: 5e5, rope_parameters: null },
    /rope_theta is 500000, expected/,
  ],
  [
    "a copied share that differs",
    "neox-parallel",
    { partial_rotary_factor: 0.125 },
    /partial_rotary_factor is 0\.125, expected/,
  ],
  [
    "a field of another family",
    "qwen2",
    { attn_logit_softcapping: 50 },
    /field attn_logit_softcapping is 50/,
  ],
  [
    "a share of each head to rotate, which the family ignores",
    "llama",
    { partial_rotary_factor: 0.5 },
    /config\.json: field partial_rotary_factor is 0\.5, which .*--allow-field partial_rotary_factor/,
  ],
  [
    "such a share among the rotation's own parameters",
    "qwen3",
    { rope_parameters: { rope_type: "default", rope_theta: 1e4, partial_rotary_factor: 0.5 } },
    /rope_parameters: field partial_rotary_factor is 0\.5/,
  ],
  [
    "a rotation's type that is an object",
    "llama",
    { rope_parameters: { rope_type: { linear: 2 } } },
    /^Cannot read model: config\.json: rope_parameters: rope_type is \{"linear":2\}, expected a string$/,
  ],
  [
    "a field beside the rotations of each kind of layer",
    "gemma3",
    { rope_parameters: { full_attention: {}, sliding_attention: {}, factor: 8 } },
    /rope_parameters: field factor is 8/,
  ],
  [
    "a type under its older name, where transformers reads the newer",
    "gemma3",
    { rope_parameters: null, rope_scaling: { type: "linear", factor: 8 } },
    /rope_scaling: field type is "linear"/,
  ],
  [
    "a base that only some layers would have",
    "olmo3",
    { rope_parameters: null, rope_theta: 1e4 },
    /rope_theta is 10000, expected 500000, or rope_parameters with a rope_theta for each kind/,
  ],
  [
    "windowed layers by the family's rule, without a window",
    "gemma2",
    { layer_types: null, sliding_window: null },
    /layer 0 has sliding attention but no window/,
  ],
  [
    "a rotation of an empty type",
    "llama",
    { rope_parameters: { rope_type: "" } },
    /rope type "", expected linear/,
  ],
  [
    "windowed layers without a window",
    "qwen3",
    { layer_types: ["full_attention", "sliding_attention", "full_attention"] },
    /layer 1 has sliding attention but no window, expected a number for sliding_window .*use_sliding_window/,
  ],
  [
    "groups that have fewer experts than a token has",
    "deepseek-v3",
    { topk_group: 1 },
    /topk_group is 1, expected enough groups of 2 experts for 3 experts per token \(num_experts_per_tok\)/,
  ],
  [
    "an unknown activation",
    "llama",
    { hidden_act: "xielu" },
    /hidden_act is "xielu", expected one of silu, /,
  ],
  [
    "an activation of Object",
    "llama",
    { hidden_act: "toString" },
    /hidden_act is "toString", expected one of/,
  ],
  [
    "an unknown field of a strange name",
    "llama",
    { [`\u001b[31m\n${"x".repeat(1e5)}`]: 1 },
    /^.{0,50}field "\\u001b\[31m\\nx{40,50}… is 1, .{60,120}--allow-field "\\u001b/,
  ],
  [
    "a model type of a strange name",
    "llama",
    { model_type: `\u001b[31m\n${"x".repeat(1e5)}` },
    /^.{0,50}model_type is "\\u001b\[31m\\nx{70,80}", expected one of/,
  ],
  ["a negative size", "llama", { hidden_size: -32 }, /hidden_size is -32, expected an integer of at least 1/],
  [
    "no heads",
    "llama",
    { num_attention_heads: 0 },
    /num_attention_heads is 0, expected an integer of at least 1/,
  ],
  [
    "heads that no group divides",
    "llama",
    { num_key_value_heads: 3 },
    /num_key_value_heads is 3, expected a divisor of 4/,
  ],
  [
    "more groups than heads",
    "gemma2",
    { num_key_value_heads: 8 },
    /num_key_value_heads is 8, expected a divisor of 4/,
  ],
  [
    "a window of nothing",
    "mistral",
    { sliding_window: 0 },
    /sliding_window is 0, expected an integer of at least 1/,
  ],
  [
    "half a window",
    "gemma3",
    { sliding_window: 2.5 },
    /sliding_window is 2\.5, expected an integer of at least 1/,
  ],
  ["half a layer", "llama", { num_hidden_layers: 2.5 }, /num_hidden_layers is 2\.5, expected an integer/],
  ["a giant size", "llama", { vocab_size: 2 ** 40 }, /vocab_size is 1099511627776, expected an integer/],
  ...Object.entries({
    num_hidden_layers: 4096,
    num_attention_heads: 4096,
    num_key_value_heads: 4096,
    head_dim: 65536,
    hidden_size: 2 ** 20,
    intermediate_size: 2 ** 22,
    vocab_size: 2 ** 21,
    max_position_embeddings: 2 ** 31,
  }).map(([field, most]): typeof refused[number] => [
    `${field} above ${most}`,
    "llama-rope-dynamic",
    { [field]: most + 1 },
    new RegExp(`${field} is ${most + 1}, expected an integer of at most ${most}`),
  ]),
  [
    "a text for a number",
    "llama",
    { intermediate_size: "40" },
    /intermediate_size is "40", expected an integer/,
  ],
  ["a text for an epsilon", "olmo2", { rms_norm_eps: "1e-5" }, /rms_norm_eps is "1e-5", expected a number/],
  ["a number for a truth", "llama", { attention_bias: 1 }, /attention_bias is 1, expected true or false/],
  ["a number for a name", "llama", { hidden_act: 3 }, /hidden_act is 3, expected a string/],
  ["a missing size", "gemma2", { hidden_size: null }, /hidden_size is null, expected an integer/],
  [
    "too few layer types",
    "qwen2",
    { layer_types: ["full_attention"] },
    /layer_types is a list of \d+, expected an entry for each of 3 layers/,
  ],
  [
    "an unknown layer type",
    "qwen3",
    { layer_types: ["full_attention", "linear_attention", "full_attention"] },
    /layer_types\[1\] is "linear_attention", expected "sliding_attention" or "full_attention"/,
  ],
  [
    "an unknown rope type",
    "llama",
    { rope_parameters: { rope_type: "proportional", rope_theta: 1e4 } },
    /rope_parameters: rope type proportional, expected linear, dynamic, llama3, yarn or longrope/,
  ],
  [
    "two dialects that say different rotations",
    "llama",
    {
      rope_scaling: { type: "linear", factor: 2 },
      rope_parameters: { rope_type: "linear", rope_theta: 1e4, factor: 4 },
    },
    /config\.json: rope_parameters and rope_scaling differ in factor, expected one of them/,
  ],
  [
    "longrope with too few factors",
    "llama",
    { rope_parameters: { rope_type: "longrope", rope_theta: 1e4, short_factor: [1], long_factor: [2] } },
    /rope_parameters: short_factor is not a list of 4 numbers above 0, one for each frequency/,
  ],
  [
    "a rotation said for too few layers",
    "smollm3",
    { no_rope_layers: [1, 0] },
    /no_rope_layers is not a list of 0 and 1, expected one entry for each of 4 layers/,
  ],
  [
    "a rope scaling without its factor",
    "llama",
    { rope_parameters: { rope_type: "linear", rope_theta: 1e4 } },
    /rope_parameters: factor is missing, expected a number/,
  ],
  [
    "a rope field that is not read",
    "llama",
    { rope_parameters: { rope_type: "linear", rope_theta: 1e4, factor: 2, long_factor: [1, 2] } },
    /rope_parameters: field long_factor is \[1,2\]/,
  ],
  [
    "a base below zero",
    "llama",
    { rope_parameters: { rope_type: "default", rope_theta: -1 } },
    /config.json: rope_parameters: rope_theta is -1, expected a number above 0/,
  ],
  ["an odd rotation", "llama", { head_dim: 7 }, /Cannot rotate 7 of 7/],
  [
    "a rope that is no object",
    "llama",
    { rope_parameters: 3 },
    /rope_parameters: found 3, expected a JSON object/,
  ],
];

for (const [what, fixture, change, message] of refused) {
  Deno.test(`config.json with ${what} is refused`, async () => {
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
  const quantised = { ...await configOf("llama"), quantization_config: { quant_method: "awq" } };
  assert.throws(() => readSpec(quantised, FILE, ["quantization_config"]), /quantised by AWQ/); // that is no such field
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
