/** A mixture of experts in the place of an MLP. It is never part of a parallel residual. */
import { norm } from "../values/norms.ts";
import {
  expertTensors,
  mixture as mixed,
  type MixtureSpec,
  routerTensors,
  sharedTensors,
} from "./experts.ts";
import { type FeedKind, placed, together } from "./kind.ts";
import { normTensors } from "./needs.ts";
import { networkWidth, resized } from "./network.ts";

export const mixture: FeedKind<MixtureSpec> = {
  kind: "mixture",
  title: "a mixture of experts",
  tensors: (spec, hidden) => [
    ...routerTensors(spec, hidden),
    ...(spec.shared ? sharedTensors(spec.shared, hidden) : []),
    ...Array.from({ length: spec.experts }, (_, e) => expertTensors(e, spec, hidden))
      .flat(),
    ...normTensors("mlp.post_norm", spec.norm.post, hidden),
  ],
  groups: (spec, hidden) => [
    ...together([...routerTensors(spec, hidden), ...normTensors("mlp.post_norm", spec.norm.post, hidden)]),
    ...spec.shared ? together(sharedTensors(spec.shared, hidden)) : [],
    { tensors: expertTensors(0, spec, hidden), count: spec.experts, top: spec.top },
  ],
  width: ({ expert }) => networkWidth(expert),
  cut: () => [],
  reshaped: (spec, ratio, changes) => ({
    ...spec,
    norm: placed(spec.norm, changes),
    expert: resized(spec.expert, ratio),
    shared: spec.shared && resized(spec.shared, ratio),
  }),
  inexpressible: { "gguf-deci": "has mixtures of experts, which llama.cpp's deci does not support" },
  /** All of it in one graph. */
  raw: (x, spec, weights) => mixed(norm(x, spec.norm.pre, "mlp.norm", weights), spec, weights),
  routed: true,
};
