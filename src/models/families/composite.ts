/**
 * Models of text and images, of which only the text part is run: its configuration is the field `text_config`, its tensors
 * have a prefix. What the outer configuration says about images and about joining the two does not concern text.
 */
import type { Config } from "../config/config.ts";
import type { ModelSpec } from "../spec.ts";
import type { Families } from "./family.ts";

const OUTER =
  `adapter_layer_norm_eps boi_token_id boi_token_index downsample_factor downsample_ratio eoi_token_id
  eoi_token_index ignore_index image_grid_pinpoints image_seq_length image_token_id image_token_index mm_tokens_per_image
  multimodal_projector_bias perceiver_config projector_hidden_act projector_layernorm_eps scale_factor spatial_merge_size
  use_image_newline_parameter video_token_id video_token_index vision_aspect_ratio vision_end_token_id vision_start_token_id vision_config vision_feature_layer
  vision_feature_layers vision_feature_select_strategy vocab_size`.split(/\s+/);

/**
 * Sizes of a text part that does not say them: until 4.46 transformers wrote of it only what differs from its class's defaults, which
 * are these.
 */
const layers = { hidden_size: 4096, num_hidden_layers: 32, num_attention_heads: 32 };
const USUAL: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama: { ...layers, intermediate_size: 11008, vocab_size: 32000 },
  mistral: { ...layers, intermediate_size: 14336, vocab_size: 32000 },
  qwen2: { ...layers, intermediate_size: 22016, vocab_size: 151936 },
};

/** Reads a composite configuration. Throws `TypeError` that names the part where its family cannot be run. */
export function composite(families: Families, fallback: string): (config: Config) => ModelSpec {
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
        `Cannot run ${text.name}: model_type is "${type}", expected ${Object.keys(families).join(" or ")}`,
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
