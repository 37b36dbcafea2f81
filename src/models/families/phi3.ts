/**
 * Phi-3: Llama with q, k and v in one matrix, gate and up in another, and a rotation that is another one in long texts.
 * Source: Hugging Face `modeling_phi3.py`.
 */
import type { Config } from "../config/config.ts";
import { fusedUp, partial } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import {
  decoderStems,
  fusedHeads,
  fusedUnits,
  type NameTable,
  partStems,
  sharedRows,
} from "../stored/names.ts";
import { readWindow } from "./common.ts";
import { decoder } from "./decoder.ts";
import type { Families } from "./family.ts";

function phi3(config: Config): ModelSpec {
  config.value("original_max_position_embeddings"); // without a stretched rotation it says nothing
  const window = config.value("sliding_window") === undefined ? null : readWindow(config);
  return decoder("phi3", config, {
    windows: () => window,
    epsilon: 1e-5,
    rope: { partial: 1, positions: 4096, original: 4096, kinds: { su: "longrope", yarn: "longrope" } },
  });
}

function names(spec: ModelSpec): NameTable {
  return {
    stems: decoderStems({
      ...partStems("q k v", "attention.%_proj", "self_attn.qkv_proj"),
      ...partStems("gate up", "mlp.%_proj", "mlp.gate_up_proj"),
    }),
    rows: sharedRows({ ...fusedHeads(spec), ...fusedUnits(spec) }),
  };
}

export const phis: Families = {
  phi3: {
    spec: phi3,
    names,
    gguf: {
      phi3: {
        fields: (header) => ({
          ...partial(header),
          sliding_window: header.field("attention.sliding_window") || null,
          original_max_position_embeddings: header.field("rope.scaling.original_context_length") ??
            header.usual.max_position_embeddings,
        }),
        ...fusedUp,
      },
    },
  },
};
