/** Numbers of a configuration that would make every result NaN, or nothing, are refused by name before anything runs. */
import assert from "node:assert/strict";
import { bufferSource } from "../../src/hub/mod.ts";
import { loadGguf, readSpec } from "../../src/models/mod.ts";
import { openGguf } from "../../src/weights/mod.ts";

const FILE = "model: config.json";

async function configOf(fixture: string): Promise<Record<string, unknown>> {
  const url = new URL(`../fixtures/models/${fixture}/config.json`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

const rope = (fields: Record<string, unknown>) => ({ rope_parameters: { rope_theta: 1e4, ...fields } });
const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };

/** A fixture, what is put into its configuration, and the field that the error names. */
const refused: [fixture: string, change: Record<string, unknown>, message: RegExp][] = [
  ["llama", { rms_norm_eps: -1 }, /rms_norm_eps is -1, expected a number above 0/],
  ["llama", { rms_norm_eps: 0 }, /rms_norm_eps is 0, expected a number above 0/],
  ["llama", { rms_norm_eps: 1e-60 }, /rms_norm_eps is 1e-60, expected a number above 0/], // 0 in float32
  ["llama", { rms_norm_eps: 1e60 }, /rms_norm_eps is 1e\+60, expected/], // ∞ in float32
  ["gemma2", { rms_norm_eps: -1e-6 }, /rms_norm_eps is -0\.000001, expected a number above 0/],
  ["olmo2", { rms_norm_eps: -1 }, /rms_norm_eps is -1, expected a number above 0/],
  ["neox-parallel", { layer_norm_eps: -1 }, /layer_norm_eps is -1, expected a number above 0/],
  ["neox-parallel", { num_attention_heads: 64 }, /hidden_size is 32, expected a multiple of 64 heads/],
  ["neox-parallel", { hidden_size: 33 }, /hidden_size is 33, expected a multiple of \d heads/],
  ["gemma2", { attn_logit_softcapping: 0 }, /attn_logit_softcapping is 0, expected a number above 0/],
  ["gemma2", { final_logit_softcapping: -3 }, /final_logit_softcapping is -3, expected a number above 0/],
  ["gemma2", { query_pre_attn_scalar: 0 }, /query_pre_attn_scalar is 0, expected a number above 0/],
  [
    "llama",
    { rope_parameters: null, rope_theta: 0 },
    /config\.json: rope_theta is 0, expected a number above/,
  ],
  ["llama", rope({ rope_theta: -1 }), /rope_parameters: rope_theta is -1, expected a number above 0/],
  [
    "llama",
    rope({ rope_type: "linear", factor: 0 }),
    /rope_parameters: factor is 0, expected a number above/,
  ],
  ["llama", rope({ rope_type: "dynamic", factor: -2 }), /rope_parameters: factor is -2, expected a number/],
  ["llama", { ...rope({ rope_type: "dynamic", factor: 2 }), head_dim: 2 }, /a rotation of 2 numbers/],
  ["llama", rope({ ...llama3, factor: 0 }), /rope_parameters: factor is 0, expected a number above 0/],
  ["llama", rope({ ...llama3, low_freq_factor: -1 }), /low_freq_factor is -1, expected a number above 0/],
  [
    "llama",
    rope({ ...llama3, high_freq_factor: 1 }),
    /high_freq_factor is 1, expected above low_freq_factor 1/,
  ],
  [
    "llama",
    rope({ ...llama3, original_max_position_embeddings: 0 }),
    /original_max_position_embeddings is 0, expected a number above 0/,
  ],
  ["llama", rope({ rope_type: "yarn", factor: 0 }), /rope_parameters: factor is 0, expected a number above/],
  ["llama", rope({ rope_type: "yarn", factor: 2, attention_factor: 0 }), /attention_factor is 0, expected/],
  [
    "llama",
    rope({ rope_type: "yarn", factor: 2, beta_fast: -1 }),
    /beta_fast is -1, expected a number above 0/,
  ],
  [
    "llama",
    rope({ rope_type: "yarn", factor: 2, mscale: -30, mscale_all_dim: 1 }),
    /mscale is -.*, expected/,
  ],
];

for (const [fixture, change, message] of refused) {
  Deno.test(`${fixture} with ${JSON.stringify(change)} is refused`, async () => {
    const config = await configOf(fixture);
    readSpec(config, FILE);
    assert.throws(() => readSpec({ ...config, ...change }, FILE), { name: "RangeError", message });
  });
}

const inGguf: [key: string, value: number, message: RegExp][] = [
  [
    "llama.attention.layer_norm_rms_epsilon",
    -1,
    /^Cannot read llama: rms_norm_eps is -1, expected a number above 0/,
  ],
  ["llama.rope.freq_base", 0, /^Cannot read llama: rope_theta is 0, expected a number above 0/],
];

for (const [key, value, message] of inGguf) {
  Deno.test(`a GGUF file with ${key} ${value} is refused`, async () => {
    const bytes = await Deno.readFile(new URL("../fixtures/gguf/llama.gguf", import.meta.url));
    const file = await openGguf(bufferSource("llama", bytes));
    await loadGguf(file, "llama");
    const metadata = new Map(file.metadata).set(key, value);
    await assert.rejects(loadGguf({ ...file, metadata }, "llama"), { name: "RangeError", message });
    file.close();
  });
}
