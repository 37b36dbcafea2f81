/**
 * A mixture's weights as they are fed: each expert's are asked for when a token has chosen it, and stay at hand for the next batches
 * while there is room.
 */
import {
  cutNetwork,
  expertName,
  type ExpertSpec,
  type MixtureSpec,
  normTensors,
  type Piece,
  routerTensors,
  type SharedSpec,
  sharedTensors,
  type TensorNeed,
} from "../../models/mod.ts";
import type { Lend, Part } from "./part.ts";

/** A mixture, ready to be fed. */
export interface MixtureParts {
  /** The norm before it and the router. */
  readonly router: Part<MixtureSpec>;
  /** What all tokens pass through; none where there is no such thing. */
  readonly shared: readonly Part<SharedSpec>[];
  /** An expert, its weights named "expert.up_proj.weight", … */
  expert(e: number): readonly Part<ExpertSpec>[];
  /** The norm behind it. */
  readonly after: Part<MixtureSpec>;
}

/** A mixture of which `lend` lends the weights, with at most `most` bytes of float32 weights in a part. */
export function mixtureParts(
  spec: MixtureSpec,
  hidden: number,
  most: number,
  lend: Lend,
): MixtureParts {
  const part = <Spec>({ spec, cuts }: Piece<Spec>): Part<Spec> => ({
    spec,
    use: (run) => lend(cuts, run),
  });
  const whole = (names: readonly TensorNeed[]) =>
    part({ spec, cuts: new Map(names.map(([name]) => [name, null])) });
  const { shared } = spec;
  const gate = shared
    ? sharedTensors(shared, hidden).filter(([name]) => name.startsWith("mlp.shared_gate"))
    : [];
  return {
    router: whole(routerTensors(spec, hidden)),
    shared: shared ? cutNetwork(shared, "mlp.shared", hidden, most, gate).map((piece) => part(piece)) : [],
    expert: (e) =>
      cutNetwork(spec.expert, expertName(e), hidden, most).map(({ spec, cuts }) => ({
        spec,
        use: (run) => lend(cuts, run, (name) => name.replace(expertName(e), "expert")),
        nameOf: (fed) => fed.replace("expert", expertName(e)),
      })),
    after: whole(normTensors("mlp.post_norm", spec.norm.post, hidden)),
  };
}
