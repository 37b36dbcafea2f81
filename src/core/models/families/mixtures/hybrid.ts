/**
 * Qwen3-Next and Qwen3.5: three of four layers mix tokens by the gated delta rule, the others by attention with an output gate. Every norm
 * but the one inside linear attention is stored as w − 1. Layers of Qwen3-Next and of Qwen3.5's larger models have mixtures of experts.
 * Source: Hugging Face `modeling_qwen3_next.py`, `modeling_qwen3_5.py`, `modeling_qwen3_5_moe.py`.
 */
import type { Config } from "../../config/config.ts";
import { describe } from "../../config/spelt.ts";
import { experts, renormalised, sharedExpert } from "../../gguf/fields.ts";
import type { DeltaSpec } from "../../modules/delta.ts";
import type { MixerSpec } from "../../modules/list.ts";
import type { SoftmaxSpec } from "../../modules/softmax.ts";
import type { ModelSpec } from "../../spec.ts";
import { readBias, readLayerTypes } from "../common.ts";
import { decoder, type Traits } from "../decoder.ts";
import type { Families } from "../family.ts";
import { hybridFields, qwen35Storage, qwen3NextStorage } from "./hybrid_gguf.ts";
import { qwen35MoeNames, qwen35Names, qwen3NextNames } from "./hybrid_names.ts";
import { qwenExperts } from "./llama.ts";
import { mixture, passOver, qwenModule, readChoice, readShared, SOFTMAX } from "./mixture.ts";

const qwen35 = (config: Config): ModelSpec => hybrid("qwen3_5_text", config, { kvHeads: 4 });

/** Every layer has a mixture, and a token's weights always sum to 1. */
function qwen35Moe(config: Config): ModelSpec {
  const choice = readChoice(config, 256, 8);
  const size = config.count("moe_intermediate_size", 512);
  const shared = readShared(config, 512);
  const router = { ...SOFTMAX, renormalise: true };
  passOver(config);
  config.value("norm_topk_prob"); // written by uploaders, and not obeyed
  return hybrid("qwen3_5_moe_text", config, {
    kvHeads: 2,
    mlpSize: size,
    module: (mlp) => mixture(mlp, choice, { router, size, shared: shared(mlp) }),
  });
}

function hybrid(family: string, config: Config, traits: Traits): ModelSpec {
  const linear = readLinear(config);
  const interval = config.count("full_attention_interval", 4);
  const isLinearLayer = readLayerTypes(config, "linear", (layer) => (layer + 1) % interval !== 0);
  // Written by uploaders: what every model of the family has, precision elsewhere, and a head for training on later tokens.
  config.boolean("attn_output_gate", true);
  ["mamba_ssm_dtype", "mtp_num_hidden_layers", "mtp_use_dedicated_embeddings"].forEach(config.value);
  const mixer = (attention: SoftmaxSpec, layer: number): MixerSpec =>
    isLinearLayer[layer]
      ? { kind: "delta", norm: attention.norm, ...linear, epsilon: attention.norm.pre!.epsilon }
      : { ...attention, outputGate: true };
  const spec = decoder(family, config, {
    bias: readBias(config),
    headSize: 256,
    qkNorm: "head",
    rope: { partial: 0.25, positions: 32768, ignored: ["mrope_section", "mrope_interleaved"] },
    mixer,
    ...traits,
  });
  const activation = config.string("hidden_act", "silu");
  if (activation !== "silu" && activation !== "swish" && isLinearLayer.includes(true)) {
    throw new TypeError(
      `Cannot run ${config.name}: hidden_act is ${
        describe(activation)
      }, expected "silu", which linear attention has`,
    );
  }
  return spec;
}

function readLinear(config: Config): Omit<DeltaSpec, "kind" | "norm" | "epsilon"> {
  const keyHeads = config.count("linear_num_key_heads", 16);
  const valueHeads = config.count("linear_num_value_heads", 32);
  if (valueHeads % keyHeads) {
    throw config.rangeError(
      `linear_num_value_heads is ${valueHeads}, expected a multiple of ${keyHeads} key heads`,
    );
  }
  return {
    keyHeads,
    valueHeads,
    keySize: config.count("linear_key_head_dim", 128),
    valueSize: config.count("linear_value_head_dim", 128),
    kernel: config.count("linear_conv_kernel_dim", 4),
  };
}

export const hybrids: Families = {
  qwen3_next: {
    spec: (config) =>
      hybrid("qwen3_next", config, {
        kvHeads: 2,
        module: qwenModule(config, { experts: 512, top: 10, size: 512, shared: 512, renormalise: true }),
      }),
    names: qwen3NextNames,
    gguf: {
      qwen3next: {
        fields: (header) => ({
          ...hybridFields(header),
          ...qwenExperts(header),
          ...renormalised(header, true),
          ...sharedExpert(header),
        }),
        ...qwen3NextStorage,
      },
    },
  },
  qwen3_5_text: {
    spec: qwen35,
    names: qwen35Names,
    gguf: { qwen35: { fields: hybridFields, ...qwen35Storage } },
  },
  qwen3_5_moe_text: {
    spec: qwen35Moe,
    names: qwen35MoeNames,
    gguf: {
      qwen35moe: {
        fields: (header) => ({ ...hybridFields(header), ...experts(header), ...sharedExpert(header) }),
        ...qwen35Storage,
      },
    },
  },
};
