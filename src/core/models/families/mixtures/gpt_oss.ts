/**
 * gpt-oss: biases on q, k, v and the output, a sink in each head's softmax, windows in every other layer, mixtures in all: a router with
 * a bias whose softmax is over the chosen experts alone, experts with biases whose gate and up are held to a limit. All experts of a
 * layer lie in one tensor, gate and up row by row in turn; packed in four bits as [X, 2F, D], else as [X, D, 2F]. Source: Hugging
 * Face `modeling_gpt_oss.py`.
 */
import { elements, type Tensor, toFloat32 } from "../../../tensor/mod.ts";
import type { Allocate } from "../../../weights/mod.ts";
import { type Config, positive } from "../../config/config.ts";
import { experts, hasBias, type Header, windowed } from "../../gguf/fields.ts";
import type { MlpSpec } from "../../modules/dense.ts";
import type { MixtureSpec } from "../../modules/experts.ts";
import type { RopeSpec } from "../../pieces.ts";
import type { ModelSpec } from "../../spec.ts";
import { decoderStems, type NameTable, partStems } from "../../stored/names.ts";
import { layerWindows, readBias, readWindow } from "../common.ts";
import { decoder } from "../decoder.ts";
import type { Families } from "../family.ts";
import { passOver, readChoice } from "./mixture.ts";

function gptOss(config: Config): ModelSpec {
  const window = config.value("sliding_window") === undefined ? 128 : readWindow(config);
  config.value("initial_context_length"); // a copy of the rotation's
  readPacking(config);
  const usual = usualRope(config);
  return decoder("gpt_oss", config, {
    headSize: 64,
    kvHeads: 8,
    epsilon: 1e-5,
    bias: readBias(config, true),
    rope: { defaultTheta: 150000, positions: 131072 },
    windows: layerWindows(config, window, (l) => l % 2 === 0),
    attention: () => ({ sinks: true, ...usual ? { rope: usual } : {} }),
    module: gptOssModule(config),
  });
}

/** The published rotation, where the configuration says nothing of it. */
function usualRope(config: Config): RopeSpec | null {
  if (config.child("rope_parameters") ?? config.child("rope_scaling")) return null;
  const factor = 32;
  return {
    theta: config.number("rope_theta", 150000),
    size: config.count("head_dim", 64),
    scaling: {
      type: "yarn",
      factor,
      attentionFactor: 0.1 * Math.log(factor) + 1,
      betaFast: 32,
      betaSlow: 1,
      truncate: false,
      originalMaxPositions: 4096,
    },
  };
}

/** The experts may be packed in four bits; nothing else may be. */
function readPacking(config: Config): void {
  const method = config.child("quantization_config")?.string("quant_method");
  if (method === undefined || method === "mxfp4") return;
  throw new TypeError(
    `Cannot run ${config.name}: quantization_config says that the weights are quantised by ${method}, expected mxfp4 or no quantisation`,
  );
}

/** The factor of the gate in its sigmoid. */
const ALPHA = 1.702;

/** The second module of every layer. Throws `RangeError` for another activation than the published one. */
export function gptOssModule(config: Config): (mlp: MlpSpec) => MixtureSpec {
  const choice = readChoice(config, 128, 4);
  const limit = positive(config, "swiglu_limit", config.number("swiglu_limit", 7));
  const alpha = config.number("swiglu_alpha", ALPHA);
  if (alpha !== ALPHA) throw config.rangeError(`swiglu_alpha is ${alpha}, expected ${ALPHA}`);
  passOver(config);
  config.value("experts_per_token"); // a copy of the number of experts of a token
  return ({ norm, size }) => ({
    kind: "mixture",
    norm,
    ...choice,
    router: {
      score: "softmax-of-top",
      renormalise: false,
      scale: 1,
      bias: true,
      correction: false,
      groups: null,
    },
    expert: { size, activation: "quick_gelu", gated: true, bias: true, limit },
    shared: null,
  });
}

export function gptOssNames(isPacked: boolean): NameTable {
  const experts = "model.layers.*.mlp.experts";
  const packed = isPacked ? "_blocks" : "";
  return {
    stems: {
      ...decoderStems({ "attention.sinks": "self_attn.sinks" }),
      "mlp.router": "model.layers.*.mlp.router",
      ...partStems("gate up", "mlp.experts.#.%_proj.weight", `${experts}.gate_up_proj${packed}`),
      "mlp.experts.#.down_proj.weight": `${experts}.down_proj${packed}`,
      ...partStems("gate up", "mlp.experts.#.%_proj.bias", `${experts}.gate_up_proj_bias`),
      "mlp.experts.#.down_proj.bias": `${experts}.down_proj_bias`,
    },
    transform(canonical) {
      const [, part, kind] = /^mlp\.experts\.\d+\.(gate|up|down)_proj\.(weight|bias)$/.exec(canonical) ?? [];
      if (part === undefined) return undefined;
      const turned = !isPacked && kind === "weight";
      if (part === "down") return turned ? (tensor, allocate) => turn(tensor, 0, 1, allocate) : undefined;
      const first = part === "gate" ? 0 : 1;
      return (tensor, allocate) =>
        turned ? turn(tensor, first, 2, allocate) : everySecond(tensor, first, allocate);
    },
  };
}

/** Every second row of [2F, …], from the first or the second on. */
function everySecond(tensor: Tensor, first: number, allocate: Allocate): Tensor {
  const [rows, ...rest] = tensor.shape;
  const width = elements(rest);
  const stored = toFloat32(tensor);
  const data = allocate(Math.floor(rows / 2) * width);
  for (let row = 0; row * 2 + 1 < rows; row++) {
    const from = (2 * row + first) * width;
    data.set(stored.subarray(from, from + width), row * width);
  }
  return { dtype: "f32", shape: [Math.floor(rows / 2), ...rest], data };
}

/** Columns first, first + step, … of [D, C] as rows. */
function turn(tensor: Tensor, first: number, step: number, allocate: Allocate): Tensor {
  const [rows, columns] = tensor.shape;
  const count = Math.floor(columns / step);
  const stored = toFloat32(tensor);
  const data = allocate(count * rows);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < count; c++) data[c * rows + row] = stored[row * columns + first + c * step];
  }
  return { dtype: "f32", shape: [count, rows], data };
}

/**
 * The rotation in GGUF files: no field says that the ends of its stretch are not rounded to whole frequencies (llama.cpp rounds them), and a
 * file that says nothing of a stretch has none.
 */
function untruncated({ usual }: Header): Record<string, unknown> {
  const scaling = usual.rope_scaling as Record<string, unknown> | null;
  return scaling?.rope_type === "yarn"
    ? { ...scaling, truncate: false }
    : scaling ?? { rope_type: "default" };
}

export const gptOsses: Families = {
  gpt_oss: {
    spec: gptOss,
    names: (_, tensors) => gptOssNames(tensors?.keys().some((name) => name.endsWith("_blocks")) ?? false),
    gguf: {
      "gpt-oss": {
        fields: (header) => ({
          ...experts(header),
          intermediate_size: header.field("expert_feed_forward_length"),
          moe_intermediate_size: undefined,
          attention_bias: hasBias(header, "attn_output"),
          ...windowed(header),
          rope_scaling: untruncated(header),
        }),
        stems: { "mlp.norm": "blk.*.post_attention_norm", "attention.sinks": "blk.*.attn_sinks.weight" },
      },
    },
  },
};
