/** The kinds of change: how each is checked, and which module it makes. The next is an entry of `kinds`, of `Change` and its form. */
import type { Change, LayerModule } from "../../measure/mod.ts";
import {
  type AttentionSpec,
  kindOf,
  type LayerSpec,
  linearSpec,
  meanSpec,
  type MixerSpec,
  type ModelSpec,
  type Piece,
  scoring,
} from "../../models/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { blockCuts, cutTensor, joinTensors, withZeros } from "../../weights/mod.ts";

/** A kind of change, which is a variant of a module: a specification, and tensors in the place of the model's. */
interface ChangeKind<Own extends Change> {
  /** Tensors that it brings, by name, with their number of axes; a bias is brought where the module has one. */
  tensors(change: Own): Readonly<Record<string, number>>;
  /** The change with its fields in one order. Throws `RangeError` that names the module ("attention 7") if it is impossible. */
  normal(change: Own, spec: ModelSpec, name: string): Own;
  /** The module's specification; null where nothing is run and nothing added. */
  spec(change: Own, layer: LayerSpec): LayerSpec[Own["module"]];
  /** How one of the module's tensors is made of the model's; null where it is the same. */
  made?(change: Own, layer: LayerSpec, tensor: string): ((stored: Tensor) => Tensor) | null;
}

type ChangeTo<To extends Change["to"]> = Extract<Change, { readonly to: To }>;

const nothing: ChangeKind<ChangeTo<"nothing">> = {
  tensors: () => ({}),
  normal: ({ layer, module, to }) => ({ layer, module, to }),
  spec: () => null,
};

/** A constant vector in the place of a module. */
const mean: ChangeKind<ChangeTo<"mean">> = {
  tensors: () => ({ mean: 1 }),
  normal: withTensors,
  spec: () => meanSpec,
};

/** A linear map of the module's normed input. */
const linear: ChangeKind<ChangeTo<"linear">> = {
  tensors: () => ({ "linear.weight": 2, "linear.bias": 1 }),
  normal: withTensors,
  spec: ({ module }, layer) => linearSpec(layer[module]!.norm),
};

/** A change that consists of its tensors. */
function withTensors<Own extends ChangeTo<"mean" | "linear">>(
  { layer, module, to, tensors }: Own,
  _: ModelSpec,
  name: string,
): Own {
  return { layer, module, to, tensors: aHash(tensors, name) } as Own;
}

function aHash(tensors: string, name: string): string {
  if (/^[0-9a-f]{64}$/.test(tensors)) return tensors;
  throw new RangeError(`Cannot change ${name}: tensors is ${tensors ?? "missing"}, expected a SHA-256`);
}

/** Attention whose heads score keys. */
type Scoring = MixerSpec & AttentionSpec;

/** The output projection of every such kind. */
const OUTPUT = "attention.o_proj.weight";

/** A module with other weights: heads cut, or another output projection. */
const weights: ChangeKind<ChangeTo<"weights">> = {
  tensors: outputTensors,
  normal({ layer, module, to, heads, tensors }, spec, name) {
    const own = {
      ...heads === undefined ? {} : { heads: headsOf(heads, spec.layers[layer], module, name) },
      ...tensors === undefined ? {} : { tensors: aHash(tensors, name) },
    };
    if (Object.keys(own).length === 0) {
      throw new RangeError(
        `Cannot change ${name}: found no change of its weights, expected heads or tensors`,
      );
    }
    if (heads && tensors) {
      throw new RangeError(`Cannot change ${name}: found heads and tensors, expected one of them`);
    }
    const full = spec.layers[layer][module]!;
    if (tensors && !outputOf(full, module)) {
      throw new RangeError(`Cannot change ${name}: it has no output projection, found ${kindOf(full).title}`);
    }
    return { layer, module, to, ...own };
  },
  spec: ({ module, heads }, layer) => heads ? cutSpec(layer, heads) : layer[module]!,
  made: ({ heads }, layer, tensor) => heads ? cutOf(layer, heads, tensor) : null,
};

/** Another output projection, where a change brings one. */
function outputTensors({ module, tensors }: ChangeTo<"weights">): Record<string, number> {
  const name = module === "attention" ? "o_proj" : "down_proj";
  return tensors === undefined ? {} : { [`${name}.weight`]: 2, [`${name}.bias`]: 1 };
}

/** The name of a module's one output projection, if it has one: "mlp.down_proj.weight". */
function outputOf(spec: NonNullable<LayerSpec[LayerModule]>, module: LayerModule): string | undefined {
  const needs = kindOf(spec).tensors(spec as never, 1, module).map(([name]) => name);
  return needs.find((name) => OUTPUTS.includes(name));
}

const OUTPUTS = [OUTPUT, "mlp.down_proj.weight"];

/** Attention without some heads: of the pieces that are left. */
function cutSpec({ attention }: LayerSpec, heads: readonly number[]): Scoring {
  const { kept } = piecesOf(scoring(attention)!, heads);
  const count = (key: "heads" | "kvHeads") => kept.reduce((sum, { spec }) => sum + spec[key], 0);
  return { ...scoring(attention)!, heads: count("heads"), kvHeads: count("kvHeads") };
}

/**
 * How a tensor of attention is made where heads are cut. Nothing of a cut head reaches the output projection: its columns there are
 * zero. Where all query heads of a key head are cut, the piece of the module that has them is left out, keys and values too. A kind
 * that cannot be cut into pieces (latent attention, a norm over all heads) runs whole.
 */
function cutOf({ attention }: LayerSpec, heads: readonly number[], name: string) {
  const spec = scoring(attention)!;
  const { all, kept } = piecesOf(spec, heads);
  const axis = all[0].cuts.get(name)?.axis;
  const isTaken = kept.length < all.length && axis !== undefined;
  if (name !== OUTPUT && !isTaken) return null;
  return (whole: Tensor) => {
    const tensor = name === OUTPUT ? withZeros(whole, blockCuts(whole.shape, 1, spec.heads, heads)) : whole;
    if (!isTaken) return tensor;
    return joinTensors(kept.map(({ cuts }) => cutTensor(tensor, cuts.get(name)!)), axis);
  };
}

/** The pieces of a key head each, which are the smallest at any hidden size, and those with a query head that is not cut. */
function piecesOf(spec: Scoring, cut: readonly number[]) {
  const all = kindOf(spec).cut(spec, 1, 0, "attention") as readonly Piece<Scoring>[];
  const kept = all.filter(({ spec: { heads } }, i) =>
    Array.from({ length: heads }, (_, head) => i * heads + head).some((head) => !cut.includes(head))
  );
  return { all, kept };
}

/** Heads to cut, ascending. */
function headsOf(cut: readonly number[], layer: LayerSpec, module: LayerModule, name: string): number[] {
  const attention = module === "attention" ? scoring(layer.attention) : null;
  if (!attention) throw new RangeError(`Cannot cut heads of ${name}: expected softmax attention`);
  const { heads } = attention;
  const sorted = [...cut].sort((a, b) => a - b); // of any list, so that it is plain data
  const wrong = sorted.find((head) => !(Number.isInteger(head) && head >= 0 && head < heads));
  if (wrong !== undefined) {
    throw new RangeError(`Cannot cut head ${wrong} of ${name}: expected a head from 0 to ${heads - 1}`);
  }
  const twice = sorted.find((head, i) => head === sorted[i - 1]);
  if (twice !== undefined) {
    throw new RangeError(`Cannot cut head ${twice} of ${name}: it is listed twice, expected once`);
  }
  if (sorted.length > 0 && sorted.length < heads) return sorted;
  throw new RangeError(
    `Cannot cut ${sorted.length} of the ${heads} heads of ${name}: expected 1 to ${
      heads - 1
    }; to cut all, drop the module`,
  );
}

/** A module whose update is scaled along the stream and across it. */
const scaled: ChangeKind<ChangeTo<"scaled">> = {
  tensors: () => ({}),
  normal({ layer, module, to, along, across }, _, name) {
    for (const [field, value] of Object.entries({ along, across })) {
      if (Number.isFinite(value)) continue;
      throw new RangeError(
        `Cannot scale ${name}: ${field} is ${value ?? "missing"}, expected a finite number`,
      );
    }
    return { layer, module, to, along, across };
  },
  spec: ({ module, along, across }, layer) => ({ ...layer[module]!, updateSides: { along, across } }),
};

const kinds: { readonly [To in Change["to"]]: ChangeKind<ChangeTo<To>> } = {
  nothing,
  mean,
  linear,
  weights,
  scaled,
};

export function changeKind({ to }: Change): ChangeKind<Change> {
  return kinds[to] as unknown as ChangeKind<Change>;
}

/** Names of tensors that some change brings. */
export const changeTensors = new Set([
  "mean",
  "linear.weight",
  "linear.bias",
  ...OUTPUTS.flatMap((name) => {
    const [, own] = name.match(/\.(.*)\.weight$/)!;
    return [`${own}.weight`, `${own}.bias`];
  }),
]);
