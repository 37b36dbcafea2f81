/** A configuration that is not understood to the last field, or has numbers that make no result, is an error that names file and field; so are LLM-Drop's lists. */
import assert from "node:assert/strict";
import { allowedFields, loadGguf, readDropList, readSpec, scoring } from "core/models/mod.ts";
import { bufferSource } from "../../buffer.ts";
import { type GgufValue, openGguf } from "core/weights/mod.ts";
import { fixtureNames, readJson } from "../../fixtures/read.ts";
import { expectRefused, refused } from "./refused_configs.ts";
import { refuses } from "../../support.ts";

const FILE = "model: config.json";

const configOf = (fixture: string, file = "config"): Promise<Record<string, unknown>> =>
  readJson(`tests/fixtures/models/${fixture}/${file}.json`);

for (const [fixture, change, message] of refused) {
  const what = Deno.inspect(change, { compact: true, breakLength: Infinity, strAbbreviateSize: 60 });
  Deno.test(`${fixture} with ${what} is refused`, async () => {
    const config = { ...await configOf(fixture), ...change };
    await expectRefused(async () => await readSpec(config, FILE), FILE, message);
  });
}

Deno.test("config.json that is no object is refused", () =>
  refuses("TypeError: Cannot read ", (raw) => readSpec(raw, FILE), [
    [[], `${FILE}: found [], expected a JSON object`],
    [null, `${FILE}: found null, expected a JSON object`],
    [3, `${FILE}: found 3, expected a JSON object`],
  ]));

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
    const more = { image_token_index: 5, architectures: ["X"] };
    const outer = { model_type: type, text_config, vision_config, ...more };
    assert.deepEqual(readSpec(outer, FILE), readSpec(text_config, FILE));
    const other = (fields: object) => ({ ...outer, text_config: { ...text_config, ...fields } });
    await refuses("TypeError: Cannot ", (config: object) => readSpec(config, FILE), [
      [other({ num_local_experts: 8 }), "config.json: text_config: field num_local_experts is 8"],
      [{ ...outer, moe_layers: 2 }, "config.json: field moe_layers is 2"],
      [other({ model_type: "llama4_text" }), 'text_config: model_type is "llama4_text", expected'],
      [{ ...outer, text_config: null }, "text_config is missing"],
    ]);
  }
});

Deno.test("a share of each head that the family ignores may be 1, and is passed over on request", async () => {
  for (const name of ["llama", "mixtral", "gemma2", "cohere2", "olmo3", "deepseek-v3"]) {
    const config = await configOf(name);
    const read = (partial_rotary_factor: number | null, allowed?: string[]) =>
      readSpec({ ...config, partial_rotary_factor }, FILE, allowed);
    const spec = readSpec(config, FILE);
    for (const same of [read(1), read(null), read(0.5, ["partial_rotary_factor"])]) {
      assert.deepEqual(same, spec);
    }
    assert.throws(() => read(0.5), /field partial_rotary_factor/);
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
    const [older, newer] = await Promise.all(["config.older", "config"].map((file) => configOf(name, file)));
    assert.deepEqual(readSpec(older, FILE), readSpec(newer, FILE));
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

const read = (list: unknown) => [...readDropList(list, 4, "drop_mlp_list", "model: config.json")].sort();

Deno.test("lists of dropped layers: null, nothing, [], indices and booleans; what is no such list is refused", async () => {
  for (const none of [null, undefined, [], [false, false, false, false]]) assert.deepEqual(read(none), []);
  for (const ends of [[3, 0], [true, false, false, true]]) assert.deepEqual(read(ends), [0, 3]);
  await refuses("Cannot read model: config.json: drop_mlp_list ", read, [
    ["1,2", 'is "1,2", expected null or a list'],
    [{ 0: true }, 'is {"0":true}, expected null or a list'],
    [[true, false, true], "has 3 booleans, expected 4"],
    [[1, 4], "has 4 at entry 1, expected 0 to 3"],
    [[-1], "has -1 at entry 0, expected 0 to 3"],
    [[0, 1.5], "has 1.5 at entry 1, expected a layer index"],
    [[0, "1"], 'has "1" at entry 1, expected a layer index'],
    [[1, true], "has true at entry 1, expected a layer index"],
    [[2, 3, 2], "has 2 again at entry 2, expected each layer once"],
  ]);
});

Deno.test("a model with lists is without these modules, and without those alone", async () => {
  const config = await configOf("llama");
  const lists = { drop_attn_list: [2], drop_mlp_list: [true, false, true] };
  const [full, thinner] = [readSpec(config, "full"), readSpec({ ...config, ...lists }, "thinner")];
  assert.deepEqual(thinner.layers.map((layer) => layer.attention !== null), [true, true, false]);
  assert.deepEqual(thinner.layers.map((layer) => layer.mlp !== null), [false, true, false]);
  assert.deepEqual(thinner.layers[1], full.layers[1]);
  const both = (list: string) => ({ [`drop_${list}`]: [0, 2], [`linear_${list}`]: [2] });
  await refuses("Cannot read ", (fields: object) => readSpec({ ...config, ...fields }, "m"), [
    [{ drop_attn_list: [3] }, "m: drop_attn_list has 3 at entry 0"],
    ...["attn_list", "mlp_list"].map((list) =>
      [both(list), `m: layer 2 is in linear_${list} and in drop_${list}, expected one of them`] as const
    ),
  ]);
});

const rope = (fields: Record<string, unknown>) => ({ rope_parameters: { rope_theta: 1e4, ...fields } });
const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };

// transformers 5.24, modeling_rope_utils.py: `rope_parameters.setdefault("rope_theta", rope_theta)`.
Deno.test("of two bases, that of rope_parameters counts, as in transformers 5", async () => {
  const config = { ...await configOf("llama"), rope_theta: 7e5 };
  const baseOf = (fields: Record<string, unknown>) => {
    const { layers: [{ attention }] } = readSpec({ ...config, ...fields }, FILE);
    return scoring(attention)!.rope!.theta;
  };
  assert.deepEqual([baseOf(rope({})), baseOf({ rope_parameters: { rope_type: "default" } })], [1e4, 7e5]);
});

/** A fixture, what is put into its configuration, and the field that is no number above 0; else words of the error. */
const harmful: [fixture: string, change: Record<string, unknown>, found: string | RegExp][] = [
  ["llama", { rms_norm_eps: -1 }, "rms_norm_eps is -1"],
  ["llama", { rms_norm_eps: 0 }, "rms_norm_eps is 0"],
  ["llama", { rms_norm_eps: 1e-60 }, "rms_norm_eps is 1e-60"], // 0 in float32
  ["llama", { rms_norm_eps: 1e60 }, "rms_norm_eps is 1e+60"], // ∞ in float32
  ["gemma2", { rms_norm_eps: -1e-6 }, "rms_norm_eps is -0.000001"],
  ["olmo2", { rms_norm_eps: -1 }, "rms_norm_eps is -1"],
  ["neox-parallel", { layer_norm_eps: -1 }, "layer_norm_eps is -1"],
  ["neox-parallel", { num_attention_heads: 64 }, /hidden_size is 32, expected a multiple of 64 heads/],
  ["neox-parallel", { hidden_size: 33 }, /hidden_size is 33, expected a multiple of \d heads/],
  ["gemma2", { attn_logit_softcapping: 0 }, "attn_logit_softcapping is 0"],
  ["gemma2", { final_logit_softcapping: -3 }, "final_logit_softcapping is -3"],
  ["gemma2", { query_pre_attn_scalar: 0 }, "query_pre_attn_scalar is 0"],
  ["llama", { rope_parameters: null, rope_theta: 0 }, "config.json: rope_theta is 0"],
  ["llama", rope({ rope_theta: -1 }), "rope_parameters: rope_theta is -1"],
  ["llama", rope({ rope_type: "linear", factor: 0 }), "rope_parameters: factor is 0"],
  ["llama", rope({ rope_type: "dynamic", factor: -2 }), "rope_parameters: factor is -2"],
  ["llama", { ...rope({ rope_type: "dynamic", factor: 2 }), head_dim: 2 }, /a rotation of 2 numbers/],
  ["llama", rope({ ...llama3, factor: 0 }), "rope_parameters: factor is 0"],
  ["llama", rope({ ...llama3, low_freq_factor: -1 }), "low_freq_factor is -1"],
  ["llama", rope({ ...llama3, high_freq_factor: 1 }), /high_freq_factor is 1, expected above low_freq/],
  ["llama", rope({ ...llama3, original_max_position_embeddings: 0 }), "max_position_embeddings is 0"],
  ["llama", rope({ rope_type: "yarn", factor: 0 }), "rope_parameters: factor is 0"],
  ["llama", rope({ rope_type: "yarn", factor: 2, attention_factor: 0 }), "attention_factor is 0"],
  ["llama", rope({ rope_type: "yarn", factor: 2, beta_fast: -1 }), "beta_fast is -1"],
  ["llama", rope({ rope_type: "yarn", factor: 2, mscale: -30, mscale_all_dim: 1 }), /mscale is -.*, exp/],
];

for (const [fixture, change, found] of harmful) {
  const message = typeof found === "string"
    ? RegExp(`${RegExp.escape(found)}, expected a number above 0`)
    : found;
  Deno.test(`${fixture} with ${JSON.stringify(change)} is refused`, async () => {
    const config = await configOf(fixture);
    readSpec(config, FILE);
    assert.throws(() => readSpec({ ...config, ...change }, FILE), { name: "RangeError", message });
  });
}

const UNREAD =
  "which this model family does not support; if the model computes the same without it, ignore the field";
/** Fields of a Llama's GGUF file, and words of the error; none where the value means nothing. */
const inGguf: [key: string, value: GgufValue, error?: string][] = [
  ["attention.layer_norm_rms_epsilon", -1, "read llama: rms_norm_eps is -1, expected a number above 0"],
  ["rope.freq_base", 0, "read llama: rope_theta is 0, expected a number above 0"],
  ["rope.freq_base", NaN, "run llama: llama.rope.freq_base is NaN, expected a finite number"],
  ["attention.causal", false, UNREAD],
  ["attention.causal", true],
  ["logit_scale", 0.5, UNREAD],
  ["logit_scale", 1],
  ["attention.sliding_window", 32, UNREAD],
  ["attention.sliding_window", 0n],
  ["attention.sliding_window", 256], // the file's context
  ["altup.active_idx", Int32Array.of(1), UNREAD],
];
for (const [key, value, error] of inGguf) {
  Deno.test(`a GGUF file with ${key} ${value} is ${error ? "refused" : "read"}`, async () => {
    const bytes = await Deno.readFile(new URL("../../fixtures/gguf/llama.gguf", import.meta.url));
    const file = await openGguf(bufferSource("llama", bytes));
    const metadata = new Map(file.metadata).set(`llama.${key}`, value);
    const load = (...allowed: string[]) => loadGguf({ ...file, metadata }, "llama", { allowed });
    if (error) await assert.rejects(load(), (thrown: Error) => thrown.message.includes(error));
    if (!error) assert.deepEqual((await load()).allowed, []);
    if (error === UNREAD) assert.deepEqual((await load(`llama.${key}`)).allowed, [`llama.${key}`]);
    file.close();
  });
}
