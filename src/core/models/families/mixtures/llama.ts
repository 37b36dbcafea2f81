/**
 * Mixtures of experts of the Llama line: Mixtral, OLMoE (q and k normed over their whole width), Qwen2-MoE (a gated expert that all
 * tokens pass through) and Qwen3-MoE, whose layers may be MLPs in between.
 * Source: Hugging Face `modeling_mixtral.py`, `modeling_olmoe.py`, `modeling_qwen2_moe.py`, `modeling_qwen3_moe.py`.
 */
import { type Config, positive } from "../../config/config.ts";
import { experts, type Header, renormalised, sharedExpert } from "../../gguf/fields.ts";
import type { ModelSpec } from "../../spec.ts";
import { decoderStems, expertStems, type NameTable } from "../../stored/names.ts";
import { layerWindows, readBias, readWindow } from "../common.ts";
import { decoder } from "../decoder.ts";
import type { Families } from "../family.ts";
import { llamaNames } from "../llama.ts";
import { mixture, passOver, qwenModule, readChoice, readRouter, SOFTMAX } from "./mixture.ts";

function mixtral(config: Config): ModelSpec {
  const window = config.optional("sliding_window") === null ? null : config.count("sliding_window");
  const chosen = readChoice(config, 8, 2);
  passOver(config);
  return decoder("mixtral", config, {
    windows: () => window,
    kvHeads: 8,
    epsilon: 1e-5,
    rope: { defaultTheta: 1e6, positions: 131072 },
    module: (mlp) => mixture(mlp, chosen, { router: { ...SOFTMAX, renormalise: true } }),
  });
}

function olmoe(config: Config): ModelSpec {
  const chosen = readChoice(config, 64, 8);
  const router = readRouter(config);
  const clip = positive(config, "clip_qkv", config.optional("clip_qkv"));
  passOver(config);
  return decoder("olmoe", config, {
    bias: readBias(config),
    qkNorm: "width",
    epsilon: 1e-5,
    rope: { positions: 4096 },
    attention: () => clip === null ? {} : { clip },
    module: (mlp) => mixture(mlp, chosen, { router }),
  });
}

function qwen2Moe(config: Config): ModelSpec {
  const used = config.boolean("use_sliding_window", false);
  const window = used ? readWindow(config) : null;
  config.value("sliding_window"); // written, and not obeyed, where windows are not used
  const last = config.number("max_window_layers", 28);
  return decoder("qwen2_moe", config, {
    bias: { qkv: config.boolean("qkv_bias", true), output: false },
    windows: layerWindows(config, window, (l) => window !== null && l % 2 === 0 && l < last),
    kvHeads: 16,
    rope: { positions: 32768 },
    module: qwenModule(config, { experts: 60, top: 4, size: 1408, shared: 5632 }),
  });
}

function qwen3Moe(config: Config): ModelSpec {
  const window = config.boolean("use_sliding_window", false) ? readWindow(config) : null;
  config.value("sliding_window");
  config.value("max_window_layers"); // written by other versions, and not obeyed
  return decoder("qwen3_moe", config, {
    bias: readBias(config),
    windows: () => window,
    qkNorm: "head",
    kvHeads: 4,
    rope: { positions: 32768 },
    module: qwenModule(config, { experts: 128, top: 8, size: 768 }),
  });
}

/** Mixtral's module has another name, and its experts' matrices have numbers. */
const mixtralNames: NameTable = {
  stems: decoderStems(expertStems("block_sparse_moe", { gate: "w1", up: "w3", down: "w2" })),
};

/** Qwen's mixtures in GGUF files. */
export function qwenExperts(header: Header): Record<string, unknown> {
  const layers = Array.from({ length: Number(header.usual.num_hidden_layers) }, (_, l) => l);
  const plain = layers.filter((l) => !header.tensors.has(`blk.${l}.ffn_gate_inp.weight`));
  return { ...experts(header), mlp_only_layers: plain };
}

const names = () => llamaNames;

export const llamaMixtures: Families = {
  mixtral: { spec: mixtral, names: () => mixtralNames }, // in GGUF files a llama with experts
  olmoe: {
    spec: olmoe,
    names,
    gguf: { olmoe: { fields: (header) => ({ ...experts(header), ...renormalised(header, false) }) } },
  },
  qwen2_moe: {
    spec: qwen2Moe,
    names,
    gguf: {
      qwen2moe: {
        fields: (header) => ({
          ...qwenExperts(header),
          ...renormalised(header, false),
          ...sharedExpert(header),
        }),
      },
    },
  },
  qwen3_moe: {
    spec: qwen3Moe,
    names,
    gguf: { qwen3moe: { fields: (header) => ({ ...qwenExperts(header), ...renormalised(header, true) }) } },
  },
};
