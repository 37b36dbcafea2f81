/**
 * Mixtures of experts of the Llama line: Mixtral, OLMoE (q and k normed over their whole width), Qwen2-MoE (a gated expert that all
 * tokens pass through) and Qwen3-MoE, whose layers may be MLPs in between.
 * Source: Hugging Face `modeling_mixtral.py`, `modeling_olmoe.py`, `modeling_qwen2_moe.py`, `modeling_qwen3_moe.py`.
 */
import type { Config } from "../config.ts";
import { decoderStems, expertStems, type NameTable } from "../names.ts";
import { positive } from "../positive.ts";
import type { ExpertSpec, MlpSpec, ModelSpec, MoeSpec, RouterSpec } from "../spec.ts";
import { layerWindows, readWindow } from "./common.ts";
import { preNorm } from "./llama.ts";

export function mixtral(config: Config): ModelSpec {
  const window = config.optional("sliding_window") === null ? null : config.count("sliding_window");
  const chosen = readChoice(config, 8, 2);
  passOver(config);
  return preNorm("mixtral", config, {
    windows: () => window,
    kvHeads: 8,
    epsilon: 1e-5,
    module: (mlp) => mixture(mlp, chosen, { router: { ...SOFTMAX, renormalise: true } }),
  });
}

export function olmoe(config: Config): ModelSpec {
  const bias = config.boolean("attention_bias", false);
  const chosen = readChoice(config, 64, 8);
  const router = readRouter(config);
  const clip = positive(config, "clip_qkv", config.optional("clip_qkv"));
  passOver(config);
  return preNorm("olmoe", config, {
    bias: { qkv: bias, output: bias },
    qkNorm: "width",
    epsilon: 1e-5,
    attention: () => clip === null ? {} : { clip },
    module: (mlp) => mixture(mlp, chosen, { router }),
  });
}

export function qwen2Moe(config: Config): ModelSpec {
  const used = config.boolean("use_sliding_window", false);
  const window = used ? readWindow(config) : null;
  config.value("sliding_window"); // written, and not obeyed, where windows are not used
  const last = config.number("max_window_layers", 28);
  const shared = config.count("shared_expert_intermediate_size", 5632);
  return preNorm("qwen2_moe", config, {
    bias: { qkv: config.boolean("qkv_bias", true), output: false },
    windows: layerWindows(config, window, (l) => used && l % 2 === 0 && l < last),
    kvHeads: 16,
    module: qwenModule(config, {
      experts: 60,
      top: 4,
      size: 1408,
      shared: (mlp) => ({ ...networkOf(mlp, shared), gate: true }),
    }),
  });
}

export function qwen3Moe(config: Config): ModelSpec {
  const bias = config.boolean("attention_bias", false);
  const window = config.boolean("use_sliding_window", false) ? readWindow(config) : null;
  config.value("sliding_window");
  config.value("max_window_layers"); // written by other versions, and not obeyed
  return preNorm("qwen3_moe", config, {
    bias: { qkv: bias, output: bias },
    windows: () => window,
    qkNorm: "head",
    kvHeads: 4,
    module: qwenModule(config, { experts: 128, top: 8, size: 768, shared: () => null }),
  });
}

/** Mixtral's module has another name, and its experts' matrices have numbers. */
export const mixtralNames: NameTable = {
  stems: decoderStems(expertStems("block_sparse_moe", { gate: "w1", up: "w3", down: "w2" })),
};

/** A softmax over all experts, of which the best are taken as they are. */
const SOFTMAX: RouterSpec = {
  score: "softmax",
  renormalise: false,
  scale: 1,
  bias: false,
  correction: false,
  groups: null,
};

function readRouter(config: Config, renormalise = false): RouterSpec {
  return { ...SOFTMAX, renormalise: config.boolean("norm_topk_prob", renormalise) };
}

/** How many experts there are, and how many of them a token has. */
export interface Choice {
  readonly experts: number;
  readonly top: number;
}

/** What versions of transformers call the number of experts. */
const COUNTS = ["num_experts", "num_local_experts", "n_routed_experts"];

/** Reads both. Throws `RangeError` for more of a token than there are, and where two names have two numbers. */
export function readChoice(config: Config, experts: number, top: number): Choice {
  const said = COUNTS.filter((field) => typeof config.value(field) === "number");
  const counts = said.map((field) => config.count(field));
  const other = counts.findIndex((count) => count !== counts[0]);
  if (other > 0) {
    throw new RangeError(
      `Cannot read ${config.name}: ${said[other]} is ${counts[other]}, expected ${counts[0]}, as in ${
        said[0]
      }`,
    );
  }
  const choice = { experts: counts[0] ?? experts, top: config.count("num_experts_per_tok", top) };
  if (choice.top <= choice.experts) return choice;
  throw new RangeError(
    `Cannot read ${config.name}: num_experts_per_tok is ${choice.top}, expected at most the ${choice.experts} experts`,
  );
}

/** The mixture in the place of an MLP; experts have its width unless they are given their own. */
export function mixture(
  mlp: MlpSpec,
  choice: Choice,
  { router, size = mlp.size, shared = null }: Pick<MoeSpec, "router"> & {
    readonly size?: number;
    readonly shared?: MoeSpec["shared"];
  },
): MoeSpec {
  return { norm: mlp.norm, ...choice, router, expert: networkOf(mlp, size), shared };
}

/** An expert like an MLP, of another width. */
export function networkOf({ norm: _, ...network }: MlpSpec, size: number): ExpertSpec {
  return { ...network, size, limit: null };
}

/** Layers of Qwen's mixtures: an MLP where `mlp_only_layers` says so, and where the layer's number is no multiple of `decoder_sparse_step`. */
export function qwenModule(
  config: Config,
  defaults: Choice & {
    readonly size: number;
    readonly shared: (mlp: MlpSpec) => MoeSpec["shared"];
    readonly renormalise?: boolean;
  },
): (mlp: MlpSpec, layer: number) => MlpSpec | MoeSpec {
  const choice = readChoice(config, defaults.experts, defaults.top);
  const router = readRouter(config, defaults.renormalise);
  const size = config.count("moe_intermediate_size", defaults.size);
  const step = config.count("decoder_sparse_step", 1);
  const dense = config.value("mlp_only_layers") ?? [];
  if (!Array.isArray(dense)) {
    throw new TypeError(`Cannot read ${config.name}: mlp_only_layers is no list, expected one of layers`);
  }
  passOver(config);
  return (mlp, layer) =>
    dense.includes(layer) || (layer + 1) % step !== 0
      ? mlp
      : mixture(mlp, choice, { router, size, shared: defaults.shared(mlp) });
}

/** What concerns training, and what a forward pass gives besides. */
export function passOver(config: Config): void {
  ["output_router_logits", "router_aux_loss_coef", "router_jitter_noise"].forEach(config.value);
}
