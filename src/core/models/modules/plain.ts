/**
 * Kinds whose update follows from the stream of each token and the weights alone. Nothing is remembered, so a graph of new tokens is
 * that of a pass; such a kind can be a layer's first module as well as its second.
 */
import type { Value } from "../../onnx/mod.ts";
import type { AnyModule } from "../pieces.ts";
import { asUpdate } from "../values/inputs.ts";
import { watch } from "../values/watch.ts";
import { piece } from "./cuts.ts";
import { type FeedKind, type MixerKind, placed, together } from "./kind.ts";

/** The declarations that such a kind cannot do without, and any others, which replace those that follow. */
type Own<Spec extends AnyModule> =
  & Pick<FeedKind<Spec>, "kind" | "title" | "tensors" | "raw">
  & Partial<MixerKind<Spec>>;

export function plainKind<Spec extends AnyModule>(own: Own<Spec>): MixerKind<Spec> & FeedKind<Spec> {
  const { tensors, raw } = own;
  const updated = (x: Value, spec: Spec, weights: Parameters<typeof raw>[2], sum: Value | null) => {
    const made = raw(x, spec, weights, sum, "attention");
    return { raw: made, a: watch(asUpdate(made, x, spec, "attention", weights)) };
  };
  return {
    groups: (spec, hidden, at) => together(tensors(spec, hidden, at)),
    width: () => 0,
    cut: (spec, hidden, _, at) => [piece(spec, tensors(spec, hidden, at))],
    reshaped: (spec, _, changes) => ({ ...spec, norm: placed(spec.norm, changes) }),
    inexpressible: {},
    pass(x, spec, pass) {
      const { raw, a } = updated(x, spec, pass.weights(), pass.sum());
      return { x, q: raw, k: raw, v: raw, mixed: raw, a };
    },
    step: (x, spec, weights) => updated(x, spec, weights, null).a,
    memory: () => [],
    core: () => null,
    kept: () => 0,
    inside: () => null,
    forks: true,
    layerType: () => "full_attention",
    ...own,
  };
}
