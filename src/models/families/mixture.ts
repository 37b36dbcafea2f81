/** What configurations of mixtures have in common: how many experts, how they are chosen, what an expert is. */
import type { Config } from "../config.ts";
import type { ExpertSpec, MlpSpec, MoeSpec, RouterSpec } from "../spec.ts";

/** A softmax over all experts, of which the best are taken as they are. */
export const SOFTMAX: RouterSpec = {
  score: "softmax",
  renormalise: false,
  scale: 1,
  bias: false,
  correction: false,
  groups: null,
};

export function readRouter(config: Config): RouterSpec {
  return { ...SOFTMAX, renormalise: config.boolean("norm_topk_prob", false) };
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

/** What concerns training, and what a forward pass gives besides. */
export function passOver(config: Config): void {
  ["output_router_logits", "router_aux_loss_coef", "router_jitter_noise"].forEach(config.value);
}
