/** Readers of fields that configurations of mixtures share: the number of experts, their choice, their form, the layers that have them. */
import type { Config } from "../../config/config.ts";
import type { MlpSpec } from "../../modules/dense.ts";
import type { ExpertSpec, MixtureSpec, RouterSpec } from "../../modules/experts.ts";
import type { FeedSpec } from "../../modules/list.ts";

/** A softmax over all experts, of which the best are taken as they are. */
export const SOFTMAX: RouterSpec = {
  score: "softmax",
  renormalise: false,
  scale: 1,
  bias: false,
  correction: false,
  groups: null,
};

export function readRouter(config: Config, renormalise = false): RouterSpec {
  return { ...SOFTMAX, renormalise: config.boolean("norm_topk_prob", renormalise) };
}

/** How many experts there are, and how many of them a token has. */
export type Choice = { readonly experts: number; readonly top: number };

/** Names of the number of experts in versions of transformers. */
const COUNTS = ["num_experts", "num_local_experts", "n_routed_experts"];

/** Reads both. Throws `RangeError` for more of a token than there are, and where two names have two numbers. */
export function readChoice(config: Config, experts: number, top: number): Choice {
  const said = COUNTS.filter((field) => (config.value(field) ?? null) !== null);
  const counts = said.map((field) => config.count(field));
  const other = counts.findIndex((count) => count !== counts[0]);
  if (other > 0) {
    throw config.rangeError(`${said[other]} is ${counts[other]}, expected ${counts[0]}, as in ${said[0]}`);
  }
  const choice = { experts: counts[0] ?? experts, top: config.count("num_experts_per_tok", top) };
  if (choice.top <= choice.experts) return choice;
  throw config.rangeError(
    `num_experts_per_tok is ${choice.top}, expected at most ${choice.experts}, the number of experts`,
  );
}

/** The mixture in the place of an MLP; experts have its width unless they are given their own. */
export function mixture(
  mlp: MlpSpec,
  choice: Choice,
  { router, size = mlp.size, shared = null }: Pick<MixtureSpec, "router"> & {
    readonly size?: number;
    readonly shared?: MixtureSpec["shared"];
  },
): MixtureSpec {
  return { kind: "mixture", norm: mlp.norm, ...choice, router, expert: networkOf(mlp, size), shared };
}

/** An expert like an MLP, of another width. */
export function networkOf({ kind: _, norm: __, ...network }: MlpSpec, size: number): ExpertSpec {
  return { ...network, size, limit: null };
}

/** Layers of Qwen's mixtures: an MLP where `mlp_only_layers` says so, and where the layer's number is no multiple of `decoder_sparse_step`. */
export function qwenModule(
  config: Config,
  defaults: Choice & {
    readonly size: number;
    /** Width of the gated network that all tokens pass through; absent where there is none. */
    readonly shared?: number;
    readonly renormalise?: boolean;
  },
): (mlp: MlpSpec, layer: number) => FeedSpec {
  const choice = readChoice(config, defaults.experts, defaults.top);
  const router = readRouter(config, defaults.renormalise);
  const size = config.count("moe_intermediate_size", defaults.size);
  const shared = readShared(config, defaults.shared);
  const step = config.count("decoder_sparse_step", 1);
  const dense = config.value("mlp_only_layers") ?? [];
  if (!Array.isArray(dense)) {
    throw config.typeError(`mlp_only_layers is not a list, expected a list of layers`);
  }
  passOver(config);
  return (mlp, layer) =>
    dense.includes(layer) || (layer + 1) % step !== 0
      ? mlp
      : mixture(mlp, choice, { router, size, shared: shared(mlp) });
}

/** The gated network that all tokens of Qwen's mixtures pass through, like an MLP of another width; null where there is none. */
export function readShared(config: Config, usual?: number): (mlp: MlpSpec) => MixtureSpec["shared"] {
  if (usual === undefined) return () => null;
  const size = config.count("shared_expert_intermediate_size", usual);
  return (mlp) => ({ ...networkOf(mlp, size), gate: true });
}

/** Passes over fields for training, and for what a forward pass returns besides. */
export function passOver(config: Config): void {
  ["output_router_logits", "router_aux_loss_coef", "router_jitter_noise"].forEach(config.value);
}
