/**
 * A linear map in the place of a module: W n + b of its normed input n, added to the stream of every token. Source: NBL
 * (arXiv 2505.21077), which maps the stream before the norm.
 */
import type { AnyModule, NormPlacement } from "../pieces.ts";
import { linear, norm } from "../values/linear.ts";
import type { FeedKind, MixerKind } from "./kind.ts";
import { normTensors } from "./needs.ts";
import { plainKind } from "./plain.ts";
import { Expand, Shape } from "../../onnx/mod.ts";

export interface LinearSpec extends AnyModule {
  readonly kind: "linear-map";
  /** Absent where it has a bias, as every map of a repair has; llama.cpp's `deci` has maps without. */
  readonly bias?: false;
}

/**
 * The map of a module with these norms: the norm before the module stays, the one behind it is part of what is mapped. A module
 * without a norm before it is mapped from the stream over its root mean square, since the stream itself has no bound.
 */
export function linearSpec({ pre, post }: NormPlacement): LinearSpec {
  const own = pre ?? (post && { kind: "rms", epsilon: post.epsilon, weight: false });
  return { kind: "linear-map", norm: { pre: own, post: null } };
}

const why = "has a linear map in the place of a module, for which the format has no place";

export const linearMap: MixerKind<LinearSpec> & FeedKind<LinearSpec> = plainKind<LinearSpec>({
  kind: "linear-map",
  title: "a linear map",
  tensors: ({ norm: { pre }, bias }, hidden, at) => [
    ...normTensors(`${at}.norm`, pre, hidden),
    [`${at}.linear.weight`, [hidden, hidden]],
    ...(bias === false ? [] : [[`${at}.linear.bias`, [hidden]] as const]),
  ],
  raw(x, spec, weights, sum, at) {
    return linear(norm(x, spec.norm.pre, `${at}.norm`, weights), `${at}.linear`, weights, sum);
  },
  inexpressible: { "llm-drop": why, hf: why },
});

interface MeanSpec extends AnyModule {
  readonly kind: "mean";
}

/** The specification: a mean is an update as it is, whatever norms the module had. */
export const meanSpec: MeanSpec = { kind: "mean", norm: { pre: null, post: null } };

export const mean: MixerKind<MeanSpec> & FeedKind<MeanSpec> = plainKind<MeanSpec>({
  kind: "mean",
  title: "a mean",
  idle: true,
  tensors: (_, hidden, at) => [[`${at}.mean`, [hidden]]],
  groups: () => [],
  raw: (x, _, weights, __, at) => Expand(weights.values.get(`${at}.mean`)!, Shape(x)),
});
