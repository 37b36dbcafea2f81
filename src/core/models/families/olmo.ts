/**
 * OLMo 1: Llama with LayerNorms that have no weights, and q, k and v held within a clip. OLMo 2: each module is followed by its norm,
 * and q and k are normalised over their whole width. OLMo 3 has windows in three of four layers, and a rotation of its own for each
 * kind of layer. Source: Hugging Face `modeling_olmo.py`, `modeling_olmo2.py`, `modeling_olmo3.py`.
 */
import { type Config, positive } from "../config/config.ts";
import { readRope } from "../config/rope_fields.ts";
import { windowed } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import { decoderStems, type NameTable } from "../stored/names.ts";
import { layerWindows, readBias, readWindow } from "./common.ts";
import { decoder, type Traits } from "./decoder.ts";
import type { Families } from "./family.ts";
import { llamaNames } from "./llama.ts";

function olmo(config: Config): ModelSpec {
  const clip = positive(config, "clip_qkv", config.optional("clip_qkv"));
  return decoder("olmo", config, {
    bias: readBias(config),
    norm: () => ({ pre: { kind: "layer", epsilon: 1e-5, weight: false, bias: false }, post: null }),
    attention: () => clip === null ? {} : { clip },
  });
}

const olmo2 = (config: Config): ModelSpec => postNorm("olmo2", config, {});

function olmo3(config: Config): ModelSpec {
  const headSize = config.count(
    "head_dim",
    Math.trunc(config.count("hidden_size") / config.count("num_attention_heads")),
  );
  const fields = { defaultTheta: 5e5 };
  const full = readRope(config, headSize, { ...fields, layerType: "full_attention" });
  const sliding = readRope(config, headSize, { ...fields, layerType: "sliding_attention", scaled: false });
  expectOneBase(config, sliding.theta, fields.defaultTheta);
  const windows = layerWindows(config, readWindow(config), (l) => (l + 1) % 4 !== 0);
  return postNorm("olmo3", config, { ropes: (l) => windows(l) === null ? full : sliding, windows });
}

/** Throws where windowed layers would have a base from outside `rope_parameters`: transformers 4 gave it to all layers, 5 to the others. */
function expectOneBase(config: Config, theta: number, usual: number): void {
  const own = config.child("rope_parameters")?.child("sliding_attention")?.optional("rope_theta") ?? null;
  if (own !== null || theta === usual) return;
  throw config.rangeError(
    `rope_theta is ${theta}, expected ${usual}, or rope_parameters with a rope_theta for each kind of layer`,
  );
}

function postNorm(family: string, config: Config, traits: Traits): ModelSpec {
  return decoder(family, config, {
    norm: (rms) => ({ pre: null, post: rms() }),
    qkNorm: "width",
    epsilon: 1e-5,
    bias: readBias(config),
    ...traits,
  });
}

const postNames: NameTable = {
  stems: decoderStems({
    "attention.post_norm": "post_attention_layernorm",
    "mlp.post_norm": "post_feedforward_layernorm",
  }),
};

export const olmos: Families = {
  olmo: {
    spec: olmo,
    names: () => llamaNames,
    gguf: { olmo: { permuted: true, fields: ({ field }) => ({ clip_qkv: field("attention.clamp_kqv") }) } },
  },
};

export const postNormOlmos: Families = {
  olmo2: {
    spec: olmo2,
    names: () => postNames,
    gguf: {
      olmo2: {
        type: ({ field }) => field("attention.sliding_window") === undefined ? "olmo2" : "olmo3",
        fields: windowed,
      },
    },
  },
  olmo3: { spec: olmo3, names: () => postNames },
};
