/**
 * Cohere 2: both modules read one LayerNorm (without bias) of the stream; windowed layers rotate neighbouring pairs, the others have
 * no rotation; logits are scaled. Source: Hugging Face `modeling_cohere2.py`.
 */
import { type Config, positive } from "../config/config.ts";
import type { ModelSpec } from "../spec.ts";
import { decoderStems, type NameTable } from "../stored/names.ts";
import { layerWindows, readBias, readEpsilon, readWindow } from "./common.ts";
import { decoder } from "./decoder.ts";
import type { Families } from "./family.ts";

function cohere2(config: Config): ModelSpec {
  const pattern = config.count("sliding_window_pattern", config.count("_sliding_window_pattern", 4));
  const windows = layerWindows(config, readWindow(config), (l) => (l + 1) % pattern !== 0);
  const spec = decoder("cohere2", config, {
    residual: "parallel",
    norm: () => ({
      pre: { kind: "layer", epsilon: readEpsilon(config, "layer_norm_eps", 1e-5), bias: false },
      post: null,
    }),
    bias: readBias(config),
    rope: { interleaved: true, positions: 8192 },
    tied: true,
    windows,
    attention: (l) => windows(l) === null ? { rope: null } : {},
  });
  const scale = positive(config, "logit_scale", config.number("logit_scale", 0.0625));
  return { ...spec, head: { ...spec.head, scale } };
}

const names: NameTable = { stems: decoderStems({ "mlp.norm": "input_layernorm" }) };

export const cohere: Families = {
  cohere2: {
    spec: cohere2,
    names: () => names,
    gguf: {
      cohere2: {
        fields: ({ field }) => ({
          layer_norm_eps: field("attention.layer_norm_epsilon"),
          logit_scale: field("logit_scale"),
          sliding_window: field("attention.sliding_window"),
        }),
        stems: { "mlp.norm": "blk.*.attn_norm" },
      },
    },
  },
};
