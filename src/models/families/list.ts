/** All architectures that can be run, by Hugging Face's `model_type`: a family is a file of this folder, and a name in this list. */
import type { Config } from "../config/config.ts";
import { describe } from "../config/spelt.ts";
import type { ModelSpec } from "../spec.ts";
import { cohere } from "./cohere2.ts";
import type { Architecture, Families, Family } from "./family.ts";
import { fused } from "./fused.ts";
import { gemmas } from "./gemma.ts";
import { gpt2s } from "./gpt2.ts";
import { gptNeoxes } from "./gpt_neox.ts";
import { granites, llamas } from "./llama.ts";
import { deepseeks } from "./mixtures/deepseek.ts";
import { gptOsses } from "./mixtures/gpt_oss.ts";
import { groupedMixtures } from "./mixtures/grouped.ts";
import { hybrids } from "./mixtures/hybrid.ts";
import { llamaMixtures } from "./mixtures/llama.ts";
import { olmos, postNormOlmos } from "./olmo.ts";

/** Models of text alone. */
const decoders: Families = {
  ...llamas,
  ...olmos,
  ...fused,
  ...cohere,
  ...gpt2s,
  ...granites,
  ...groupedMixtures,
  ...deepseeks,
  ...gptOsses,
  ...llamaMixtures,
  ...hybrids,
  ...gemmas,
  ...postNormOlmos,
  ...gptNeoxes,
};

/**
 * Fields of models of text and images, of which only the text part is run: its configuration is the field `text_config`, its tensors have
 * a prefix. What the outer configuration says about images and about joining the two does not concern text.
 */
const OUTER =
  `adapter_layer_norm_eps boi_token_id boi_token_index downsample_factor downsample_ratio eoi_token_id
  eoi_token_index ignore_index image_grid_pinpoints image_seq_length image_token_id image_token_index mm_tokens_per_image
  multimodal_projector_bias perceiver_config projector_hidden_act projector_layernorm_eps scale_factor spatial_merge_size
  use_image_newline_parameter video_token_id video_token_index vision_aspect_ratio vision_end_token_id vision_start_token_id vision_config vision_feature_layer
  vision_feature_layers vision_feature_select_strategy vocab_size`.split(/\s+/);

/** Sizes that a text part does not say: until 4.46 transformers wrote only what differs from its class's defaults, which are these. */
const layers = { hidden_size: 4096, num_hidden_layers: 32, num_attention_heads: 32 };
const USUAL: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama: { ...layers, intermediate_size: 11008, vocab_size: 32000 },
  mistral: { ...layers, intermediate_size: 14336, vocab_size: 32000 },
  qwen2: { ...layers, intermediate_size: 22016, vocab_size: 151936 },
};

/** Reads a composite configuration. Throws `TypeError` that names the part where its family cannot be run. */
function composite(families: Families, fallback: string): (config: Config) => ModelSpec {
  return (config) => {
    const said = (config.value("text_config") as { model_type?: unknown } | null)?.model_type ?? fallback;
    const text = config.child("text_config", USUAL[String(said)]);
    if (text === null) {
      throw new TypeError(
        `Cannot run ${config.name}: text_config is missing, expected the text model's configuration`,
      );
    }
    const type = text.string("model_type", fallback);
    if (!Object.hasOwn(families, type)) {
      throw new TypeError(
        `Cannot run ${text.name}: model_type is ${describe(type)}, expected ${
          Object.keys(families).join(" or ")
        }`,
      );
    }
    const spec = families[type].spec(text);
    text.done();
    OUTER.forEach(config.value);
    // Whether the head is the embedding, either of the two may say; the text part's word counts.
    const tied = config.boolean("tie_word_embeddings", spec.head.tied);
    const ownTied = typeof text.value("tie_word_embeddings") === "boolean";
    return ownTied ? spec : { ...spec, head: { ...spec.head, tied } };
  };
}

/** Models of text and images, and the family of their text part where the configuration does not say. */
const composites = {
  gemma3: "gemma3_text",
  mistral3: "mistral",
  llava: "llama",
  llava_next: "llama",
  llava_onevision: "qwen2",
  vipllava: "llama",
  idefics3: "llama",
  smolvlm: "llama",
  internvl: "qwen2",
  aya_vision: "cohere2",
  qwen3_5: "qwen3_5_text",
  qwen3_5_moe: "qwen3_5_moe_text",
};

/** All that can be run. */
export const families: Families = {
  ...decoders,
  ...Object.fromEntries(
    Object.entries(composites).map(([type, text]): [string, Family] => [type, {
      spec: composite(decoders, text),
      names: (spec: ModelSpec, tensors) => decoders[spec.family].names(spec, tensors),
    }]),
  ),
};

/** The architectures of GGUF files, each with the model type that it is if it does not say otherwise. */
export const architectures: Readonly<Record<string, Architecture & { readonly family: string }>> = Object
  .fromEntries(
    Object.entries(decoders).flatMap(([family, { gguf = {} }]) =>
      Object.entries(gguf).map(([name, architecture]) => [name, { ...architecture, family }])
    ),
  );

/** Model types whose layers mix several residual streams: what "the update of x" is, is not defined there. */
const STREAMS = new Map([
  ...["gemma3n", "gemma3n_text"].map((type) => [type, "AltUp"] as const),
  ..."deepseek_v4 glm5_next glm5_next_text hy_v4 hy_v4_vl hy_v4_vl_text qwen4_exp qwen4_exp_text".split(" ")
    .map((type) => [type, "hyper-connections"] as const),
]);

/** Why a model type cannot be run, where the reason is not just that nobody has written its page yet. */
export function unsupported(
  file: string,
  type: string,
  isEncoderDecoder: boolean,
): TypeError {
  const streams = STREAMS.get(type);
  const shown = JSON.stringify(type.slice(0, 80));
  if (streams !== undefined) {
    return new TypeError(
      `Cannot run ${file}: model_type "${type}" has several residual streams (${streams}), expected one stream, to ` +
        "which attention and MLP add",
    );
  }
  if (isEncoderDecoder) {
    return new TypeError(
      `Cannot run ${file}: model_type is ${shown} and it is an encoder-decoder, expected a decoder: ` +
        `${Object.keys(families).join(", ")}`,
    );
  }
  return new TypeError(
    `Cannot run ${file}: model_type is ${shown}, expected one of ${Object.keys(families).join(", ")}`,
  );
}
