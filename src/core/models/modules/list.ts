/** All kinds of modules. A new kind is a file of this folder and its name in one of these lists. */
import type { LayerModule } from "../../measure/mod.ts";
import type { AnyModule, AttentionSpec, TensorNeed } from "../pieces.ts";
import { delta } from "./delta.ts";
import { dense } from "./dense.ts";
import { mixture, type MixtureSpec } from "./experts.ts";
import type { FeedKind, Kind, MixerKind } from "./kind.ts";
import { latent } from "./latent.ts";
import { linearMap, mean } from "./linear_map.ts";
import { softmax } from "./softmax.ts";

/** Kinds that can be either module of a layer (plain.ts). */
const either = [mean, linearMap] as const;
/** Kinds that can be the first module of a layer. */
const mixers = [softmax, latent, delta, ...either] as const;
/** Kinds that can be the second module. */
const feeds = [dense, mixture, ...either] as const;

type SpecOf<One> = One extends Kind<infer Spec> ? Spec : never;

/** A layer's first module: it mixes tokens. */
export type MixerSpec = SpecOf<typeof mixers[number]>;
/** A layer's second module. */
export type FeedSpec = SpecOf<typeof feeds[number]>;

export const mixerKinds = new Map<string, MixerKind<MixerSpec>>(byName(mixers));
export const feedKinds = new Map<string, FeedKind<FeedSpec>>(byName(feeds));

export const mixerKind = ({ kind }: MixerSpec) => mixerKinds.get(kind)!;
/** The kind of a layer's second module. */
export const feedKind = ({ kind }: FeedSpec) => feedKinds.get(kind)!;

export function kindOf<Spec extends MixerSpec | FeedSpec>({ kind }: Spec): Kind<Spec> {
  return (mixerKinds.get(kind) ?? feedKinds.get(kind)) as Kind<AnyModule> as Kind<Spec>;
}

function byName<One extends { readonly kind: string }>(kinds: readonly unknown[]): [string, One][] {
  return (kinds as readonly One[]).map((kind) => [kind.kind, kind]);
}

/** The tensors of a layer, or of some of its modules, by canonical name: "attention.q_proj.weight", "mlp.norm.weight", … */
export function layerTensors(
  { attention, mlp }: { readonly attention?: MixerSpec | null; readonly mlp?: FeedSpec | null },
  hidden: number,
): TensorNeed[] {
  const of = (spec: MixerSpec | FeedSpec | null | undefined, at: LayerModule) =>
    spec ? kindOf(spec).tensors(spec, hidden, at) : [];
  return [...of(attention, "attention"), ...of(mlp, "mlp")];
}

/** Attention whose heads score keys. */
export type ScoringSpec = Extract<MixerSpec, AttentionSpec>;

/** The module as attention whose heads score keys; null for another module, and for none. */
export function scoring(mixer: MixerSpec | null): ScoringSpec | null {
  return mixer && mixerKind(mixer).scoring ? mixer as ScoringSpec : null;
}

/** The module as a mixture that is run expert by expert; null for another module, and for none. */
export function routed(mlp: FeedSpec | null): MixtureSpec | null {
  return mlp && feedKind(mlp).routed ? mlp as MixtureSpec : null;
}
