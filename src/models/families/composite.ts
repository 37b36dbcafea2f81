/**
 * Models of text and images, of which only the text part is run: its configuration is the field `text_config`, its tensors
 * have a prefix. What the outer configuration says about images and about joining the two does not concern text.
 */
import type { Config } from "../config.ts";
import type { ModelSpec } from "../spec.ts";

/** The families a text part may be of, and the one where it does not say. */
type TextFamilies = Readonly<Record<string, (config: Config) => ModelSpec>>;

const OUTER = `boi_token_id boi_token_index eoi_token_id eoi_token_index image_seq_length image_token_id
  image_token_index mm_tokens_per_image multimodal_projector_bias projector_hidden_act spatial_merge_size
  vision_config vision_feature_layer vision_feature_select_strategy`.split(/\s+/);

/** Reads a composite configuration. Throws `TypeError` that names the part where its family cannot be run. */
export function composite(families: TextFamilies, fallback: string): (config: Config) => ModelSpec {
  return (config) => {
    const text = config.child("text_config");
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
    const spec = families[type](text);
    text.done();
    OUTER.forEach(config.value);
    // Whether the head is the embedding, either of the two may say; the text part's word counts.
    const tied = config.boolean("tie_word_embeddings", spec.head.tied);
    const said = typeof text.value("tie_word_embeddings") === "boolean";
    return said ? spec : { ...spec, head: { ...spec.head, tied } };
  };
}
