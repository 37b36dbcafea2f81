/** The mean of a module's updates in its place: a constant vector [D] that is added to the stream of every token. Nothing is run. */
import { Expand, Shape } from "../../onnx/mod.ts";
import type { AnyModule } from "../pieces.ts";
import type { FeedKind, MixerKind } from "./kind.ts";
import { plainKind } from "./plain.ts";

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
