/** A mixture of experts in the place of an MLP. It is never part of a parallel residual. */
import { norm } from "../values/norms.ts";
import { expertName, mixture as mixed, type MixtureSpec, routerTensors, sharedTensors } from "./experts.ts";
import { type Draw, drawnAs, type FeedKind, placed, together } from "./kind.ts";
import { networkTensors, normTensors } from "./needs.ts";
import { networkWidth, resized } from "./network.ts";

export const mixture: FeedKind<MixtureSpec> = {
  kind: "mixture",
  title: "a mixture of experts",
  tensors: (spec, hidden) => [
    ...routerTensors(spec, hidden),
    ...(spec.shared ? sharedTensors(spec.shared, hidden) : []),
    ...Array.from({ length: spec.experts }, (_, e) => networkTensors(expertName(e), spec.expert, hidden))
      .flat(),
    ...normTensors("mlp.post_norm", spec.norm.post, hidden),
  ],
  groups: (spec, hidden) => [
    ...together([...routerTensors(spec, hidden), ...normTensors("mlp.post_norm", spec.norm.post, hidden)]),
    ...spec.shared ? together(sharedTensors(spec.shared, hidden)) : [],
    { tensors: networkTensors("expert", spec.expert, hidden), count: spec.experts, top: spec.top },
  ],
  width: ({ expert }) => networkWidth(expert),
  cut: () => [],
  reshaped: (spec, ratio, changes) => ({
    ...spec,
    norm: placed(spec.norm, changes),
    expert: resized(spec.expert, ratio),
    shared: spec.shared && resized(spec.shared, ratio),
  }),
  draw: (name) => drawExpert(name) ?? drawRouted(name),
  inexpressible: { "gguf-deci": "has mixtures of experts, which llama.cpp's deci does not support" },
  /** All of it in one graph. */
  raw: (x, spec, weights) => mixed(norm(x, spec.norm.pre, "mlp.norm", weights), spec, weights),
  routed: true,
};

const drawRouted = drawnAs({
  "mlp.router.weight": { stream: 10 },
  "mlp.shared.gate_proj.weight": { stream: 11 },
  "mlp.shared.up_proj.weight": { stream: 12 },
  "mlp.shared.down_proj.weight": { stream: 13, residual: true },
  "mlp.shared_gate.weight": { stream: 14 },
  "mlp.router.bias": { stream: 27 },
  "mlp.router.correction": { constant: 0 },
});

/** Streams of an expert's matrices, behind all others: three of each. */
const FIRST_EXPERT = 2 ** 16;
const MATRICES = ["gate_proj", "up_proj", "down_proj"];

function drawExpert(name: string): Draw | null {
  const [, expert, matrix] = /^mlp\.experts\.(\d+)\.(\w+)\.weight$/.exec(name) ?? [];
  const own = MATRICES.indexOf(matrix);
  if (own < 0) return null;
  const stream = FIRST_EXPERT + Number(expert) * MATRICES.length + own;
  return matrix === "down_proj" ? { stream, residual: true } : { stream };
}
