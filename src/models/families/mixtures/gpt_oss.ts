/**
 * gpt-oss: biases on q, k, v and the output, a sink in each head's softmax, windows in every other layer, mixtures in all. Source:
 * Hugging Face `modeling_gpt_oss.py`.
 */
import type { Config } from "../../config/config.ts";
import { experts, hasBias, type Header, windowed } from "../../gguf/fields.ts";
import type { RopeSpec } from "../../pieces.ts";
import type { ModelSpec } from "../../spec.ts";
import { layerWindows, readWindow } from "../common.ts";
import { decoder } from "../decoder.ts";
import type { Families } from "../family.ts";
import { gptOssModule, gptOssNames } from "./gpt_oss_experts.ts";

function gptOss(config: Config): ModelSpec {
  const bias = config.boolean("attention_bias", true);
  const window = config.value("sliding_window") === undefined ? 128 : readWindow(config);
  config.value("initial_context_length"); // a copy of the rotation's
  readPacking(config);
  const usual = usualRope(config);
  return decoder("gpt_oss", config, {
    headSize: 64,
    kvHeads: 8,
    epsilon: 1e-5,
    bias: { qkv: bias, output: bias },
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
  const packing = config.child("quantization_config");
  if (packing === null) return;
  const method = packing.string("quant_method");
  if (method === "mxfp4") return;
  throw new TypeError(
    `Cannot run ${config.name}: quantization_config says that the weights are quantised by ${method}, expected mxfp4 or no quantisation`,
  );
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
