/**
 * `genai_config.json`: what onnxruntime-genai and lm-eval's ONNX backends want to know of a graph. Fields as its Model Builder
 * writes them (`make_genai_config` in `builders/base.py`).
 */
import { type AttentionSpec, keptHeadSize, scoring } from "../../models/mod.ts";
import type { Job } from "../job.ts";

/** Names of the files that it speaks of. */
export const GRAPH = "model.onnx";

/** Tokens with a meaning; null for none. */
export interface SpecialIds {
  readonly bos: number | null;
  readonly eos: number | readonly number[] | null;
  readonly pad: number | null;
}

/** The configuration of a graph with as many caches as there are attentions. */
export function genaiConfig({ full }: Job, caches: number, context: number, { bos, eos, pad }: SpecialIds) {
  const attention: AttentionSpec = scoring(full.layers[0].attention)!;
  const known = (entries: Record<string, SpecialIds[keyof SpecialIds]>) =>
    Object.fromEntries(Object.entries(entries).filter(([, id]) => id !== null));
  return {
    model: {
      ...known({ bos_token_id: bos, eos_token_id: eos, pad_token_id: pad }),
      context_length: context,
      decoder: {
        session_options: { log_id: "onnxruntime-genai", provider_options: [] },
        filename: GRAPH,
        head_size: keptHeadSize(attention),
        hidden_size: full.hidden,
        inputs: {
          input_ids: "input_ids",
          attention_mask: "attention_mask",
          position_ids: "position_ids",
          past_key_names: "past_key_values.%d.key",
          past_value_names: "past_key_values.%d.value",
        },
        outputs: {
          logits: "logits",
          present_key_names: "present.%d.key",
          present_value_names: "present.%d.value",
        },
        num_attention_heads: attention.heads,
        num_hidden_layers: caches,
        num_key_value_heads: attention.kvHeads,
      },
      type: "decoder",
      vocab_size: full.vocabulary,
    },
    search: {
      do_sample: false,
      max_length: context,
      past_present_share_buffer: true,
    },
  };
}
