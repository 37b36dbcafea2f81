/** Configurations that are refused: each a fixture's with one change. */
import assert from "node:assert/strict";

/** Fails unless a model is refused by an error of a usual kind that names its file and has these words. */
export const expectRefused = (
  load: () => Promise<unknown>,
  file: string,
  words: string | RegExp,
): Promise<void> =>
  assert.rejects(load, ({ name, message }: Error) => {
    assert.ok(["TypeError", "RangeError"].includes(name) && message.includes(file), `${name}: ${message}`);
    assert.match(message, typeof words === "string" ? RegExp(RegExp.escape(words)) : words);
    return true;
  });

export type Refused = [fixture: string, change: Record<string, unknown>, message: RegExp];

const GPTQ = { quant_method: "gptq", bits: 4, group_size: 64 };
const AWQ = { ...GPTQ, quant_method: "awq" };

export const refused: readonly Refused[] = [
  ["llama", { model_type: undefined }, /model_type is missing, expected a string/],
  ["llama", { model_type: "mamba" }, /model_type is "mamba", expected one of llama, /],
  ["llama", { model_type: "constructor" }, /model_type is "constructor", expected one/],
  ["llama", { per_layer_config: { 1: { skip: ["attention"] } } }, /field per_layer_config is/],
  ["gpt2", { n_layer: 1e9 }, /n_layer is 1000000000, expected .* at most 4096/],
  ["mixtral", { num_local_experts: "4" }, /num_local_experts is "4", expected an integer/],
  ["deepseek-v3", { topk_group: 5 }, /topk_group is 5, expected at most 4, the number of groups \(n_group\)/],
  ["deepseek-v3", { qk_rope_head_dim: 3 }, /Cannot rotate 3 of 3 numbers of a head/],
  [
    "qwen3-next",
    { layer_types: ["linear_attention", "sliding_attention", "full_attention"] },
    /layer_types\[1\] is "sliding_attention", expected "linear_attention" or "full_attention"/,
  ],
  ["qwen3-next", { layer_types: "full_attention" }, /layer_types is not a list, expected an entry/],
  ["mistral", { num_local_experts: 8 }, /field num_local_experts is 8/],
  ...([
    [{ quant_method: "compressed-tensors" }, "compressed-tensors"],
    [{ quant_method: "mxfp4" }, "MXFP4"],
    [{ quant_method: "constructor" }, "constructor"],
    [{ bits: 4 }, "an unnamed method"],
  ] as const).map(([quantization_config, method]): Refused => [
    "llama",
    { quantization_config },
    new RegExp(`quantization_config says that the weights are quantised by ${method}, expected the original`),
  ]),
  ...([
    [{ quant_method: "gptq", group_size: 128 }, "bits is missing, expected 4 or 8"],
    [{ quant_method: "gptq", bits: 3, group_size: 128 }, "bits is 3, expected 4 or 8"],
    [{ quant_method: "gptq", bits: 4 }, "group_size is missing, expected -1 or a number of columns"],
    [{ quant_method: "gptq", bits: 4, group_size: 0 }, "group_size is 0, expected -1"],
    [{ quant_method: "gptq", bits: 4, group_size: 1.5 }, "group_size is 1.5, expected -1"],
    [{ ...GPTQ, checkpoint_format: "marlin" }, 'checkpoint_format is "marlin", expected gptq or gptq_v2'],
    [{ ...GPTQ, format: "marlin" }, 'format is "marlin", expected gptq or'],
    [
      { ...GPTQ, checkpoint_format: "gptq", format: "gptq_v2" },
      'format is "gptq_v2", expected gptq, as checkpoint_format says',
    ],
    [{ ...GPTQ, is_marlin_format: true }, "is_marlin_format is true"],
    [{ ...GPTQ, pack_dtype: "int8" }, 'pack_dtype is "int8"'],
    [{ ...GPTQ, desc_act: "yes" }, 'desc_act is "yes", expected true or'],
    [
      { ...GPTQ, dynamic: { "mlp": { bits: 8 } } },
      'dynamic is {"mlp":{"bits":8}}, expected no modules with fields of their own',
    ],
    [{ quant_method: "awq", bits: 8, group_size: 64 }, "bits is 8, expected 4"],
    [{ ...AWQ, version: "gemv" }, 'version is "gemv", expected gemm'],
    [{ ...AWQ, format: "gemv" }, 'format is "gemv", expected gemm'],
    [{ ...AWQ, version: "GEMM", format: "gemv" }, 'format is "gemv", expected gemm, as version says'],
    [{ ...AWQ, backend: "llm-awq" }, 'backend is "llm-awq", expected not'],
    [{ quant_method: "fp8", fmt: "e5m2" }, 'fmt is "e5m2", expected e4m3'],
    [{ quant_method: "fp8", weight_block_size: [128] }, "weight_block_size is [128], expected two numbers"],
    [{ quant_method: "fp8", weight_block_size: [0, 128] }, "weight_block_size is [0,128], expected two"],
  ] as const).map(([quantization_config, message]): Refused => [
    "llama",
    { quantization_config },
    new RegExp(`quantization_config: ${RegExp.escape(message)}`),
  ]),
  [
    "gpt2",
    { quantization_config: GPTQ },
    /quantised by GPTQ, which is not read for this family, expected the original weights$/,
  ],
  ["neox-parallel", { rope_theta: 5e5, rope_parameters: null }, /rope_theta is 500000, expected/],
  ["neox-parallel", { partial_rotary_factor: 0.125 }, /partial_rotary_factor is 0\.125, expected/],
  ["qwen2", { attn_logit_softcapping: 50 }, /field attn_logit_softcapping is 50/],
  [
    "llama",
    { partial_rotary_factor: 0.5 },
    /config\.json: field partial_rotary_factor is 0\.5, which .*`allowFields` partial_rotary_factor/,
  ],
  [
    "qwen3",
    { rope_parameters: { rope_type: "default", rope_theta: 1e4, partial_rotary_factor: 0.5 } },
    /rope_parameters: field partial_rotary_factor is 0\.5/,
  ],
  [
    "llama",
    { rope_parameters: { rope_type: { linear: 2 } } },
    /^Cannot read model: config\.json: rope_parameters: rope_type is \{"linear":2\}, expected a string$/,
  ],
  [
    "gemma3",
    { rope_parameters: { full_attention: {}, sliding_attention: {}, factor: 8 } },
    /rope_parameters: field factor is 8/,
  ],
  [
    "gemma3",
    { rope_parameters: null, rope_scaling: { type: "linear", factor: 8 } },
    /rope_scaling: field type is "linear"/,
  ],
  [
    "olmo3",
    { rope_parameters: null, rope_theta: 1e4 },
    /rope_theta is 10000, expected 500000, or rope_parameters with a rope_theta for each kind/,
  ],
  ["gemma2", { layer_types: null, sliding_window: null }, /layer 0 has sliding attention but no window/],
  ["llama", { rope_parameters: { rope_type: "" } }, /rope type "", expected linear/],
  [
    "qwen3",
    { layer_types: ["full_attention", "sliding_attention", "full_attention"] },
    /layer 1 has sliding attention but no window, expected a number for sliding_window .*use_sliding_window/,
  ],
  [
    "deepseek-v3",
    { topk_group: 1 },
    /topk_group is 1, expected enough groups of 2 experts for 3 experts per token \(num_experts_per_tok\)/,
  ],
  ["llama", { hidden_act: "xielu" }, /hidden_act is "xielu", expected one of silu, /],
  ["llama", { hidden_act: "x".repeat(10_000) }, /hidden_act is "x{56}…, expected one of/],
  ["smollm3", { layer_types: Array(4).fill("y".repeat(10_000)) }, /layer_types\[0\] is "y{56}…, expected "/],
  ["llama", { drop_attn_list: "0".repeat(10_000) }, /drop_attn_list is "0{56}…, expected null or a list/],
  ["llama", { hidden_act: "toString" }, /hidden_act is "toString", expected one of/],
  [
    "llama",
    { [`\u001b[31m\n${"x".repeat(1e5)}`]: 1 },
    /^.{0,50}field "\\u001b\[31m\\nx{40,50}… is 1, .{60,120}`allowFields` "\\u001b/,
  ],
  [
    "llama",
    { model_type: `\u001b[31m\n${"x".repeat(1e5)}` },
    /^.{0,50}model_type is "\\u001b\[31m\\nx{70,80}", expected one of/,
  ],
  ["llama", { hidden_size: -32 }, /hidden_size is -32, expected an integer of at least 1/],
  ["llama", { num_attention_heads: 0 }, /num_attention_heads is 0, expected an integer of at least 1/],
  ["llama", { num_key_value_heads: 3 }, /num_key_value_heads is 3, expected a divisor of 4/],
  ["gemma2", { num_key_value_heads: 8 }, /num_key_value_heads is 8, expected a divisor of 4/],
  ["mistral", { sliding_window: 0 }, /sliding_window is 0, expected an integer of at least 1/],
  ["gemma3", { sliding_window: 2.5 }, /sliding_window is 2\.5, expected an integer of at least 1/],
  ["llama", { num_hidden_layers: 2.5 }, /num_hidden_layers is 2\.5, expected an integer/],
  ["llama", { vocab_size: 2 ** 40 }, /vocab_size is 1099511627776, expected an integer/],
  ...Object.entries({
    num_hidden_layers: 4096,
    num_attention_heads: 4096,
    num_key_value_heads: 4096,
    head_dim: 65536,
    hidden_size: 2 ** 20,
    intermediate_size: 2 ** 22,
    vocab_size: 2 ** 21,
    max_position_embeddings: 2 ** 31,
  }).map(([field, most]): Refused => [
    "llama-rope-dynamic",
    { [field]: most + 1 },
    new RegExp(`${field} is ${most + 1}, expected an integer of at most ${most}`),
  ]),
  ["llama", { intermediate_size: "40" }, /intermediate_size is "40", expected an integer/],
  ["olmo2", { rms_norm_eps: "1e-5" }, /rms_norm_eps is "1e-5", expected a number/],
  ["llama", { attention_bias: 1 }, /attention_bias is 1, expected true or false/],
  ["llama", { hidden_act: 3 }, /hidden_act is 3, expected a string/],
  ["gemma2", { hidden_size: null }, /hidden_size is null, expected an integer/],
  [
    "qwen2",
    { layer_types: ["full_attention"] },
    /layer_types is a list of \d+, expected an entry for each of 3 layers/,
  ],
  [
    "qwen3",
    { layer_types: ["full_attention", "linear_attention", "full_attention"] },
    /layer_types\[1\] is "linear_attention", expected "sliding_attention" or "full_attention"/,
  ],
  [
    "llama",
    { rope_parameters: { rope_type: "proportional", rope_theta: 1e4 } },
    /rope_parameters: rope type proportional, expected linear, dynamic, llama3, yarn or longrope/,
  ],
  ["llama", {
    rope_scaling: { type: "linear", factor: 2 },
    rope_parameters: { rope_type: "linear", rope_theta: 1e4, factor: 4 },
  }, /config\.json: rope_parameters and rope_scaling differ in factor, expected one of them/],
  ["llama", {
    rope_parameters: { rope_type: "longrope", rope_theta: 1e4, short_factor: [1], long_factor: [2] },
  }, /rope_parameters: short_factor is not a list of 4 numbers above 0, one for each frequency/],
  [
    "smollm3",
    { no_rope_layers: [1, 0] },
    /no_rope_layers is not a list of 0 and 1, expected one entry for each of 4 layers/,
  ],
  [
    "llama",
    { rope_parameters: { rope_type: "linear", rope_theta: 1e4 } },
    /rope_parameters: factor is missing, expected a number/,
  ],
  [
    "llama",
    { rope_parameters: { rope_type: "linear", rope_theta: 1e4, factor: 2, long_factor: [1, 2] } },
    /rope_parameters: field long_factor is \[1,2\]/,
  ],
  [
    "llama",
    { rope_parameters: { rope_type: "default", rope_theta: -1 } },
    /config.json: rope_parameters: rope_theta is -1, expected a number above 0/,
  ],
  ["llama", { head_dim: 7 }, /Cannot rotate 7 of 7/],
  ["llama", { rope_parameters: 3 }, /rope_parameters: found 3, expected a JSON object/],
];
