/**
 * The same architecture at another shape, to vary one cause and hold the others fixed: width, depth, heads and norm
 * placement.
 */
import {
  type AttentionSpec,
  isMixture,
  type LayerSpec,
  type MlpSpec,
  type ModelSpec,
  type MoeSpec,
  type NormPlacement,
} from "./spec.ts";

/** What to change; the rest follows or stays the same. */
export interface Reshaping {
  /** D. The inner widths of attention and MLP scale in proportion; the number of heads stays the same. */
  readonly hidden?: number | undefined;
  /** L. Layers repeat in the order of the model's own. */
  readonly layers?: number | undefined;
  /** H, at the same total width; key heads scale in proportion. */
  readonly heads?: number | undefined;
  /** Norm placement of every module, whatever the family's. */
  readonly norm?: "pre" | "peri" | "post" | undefined;
}

/** Changes a model's shape. Throws `RangeError` if a width does not divide into heads. */
export function reshape(spec: ModelSpec, changes: Reshaping): ModelSpec {
  const { hidden = spec.hidden, layers = spec.layers.length, norm } = changes;
  const ratio = hidden / spec.hidden;
  const change = (layer: LayerSpec): LayerSpec => ({
    ...layer,
    attention: layer.attention && reshapeAttention(layer.attention, ratio, changes),
    mlp: layer.mlp && reshapeMlp(layer.mlp, ratio, norm),
  });
  return {
    ...spec,
    hidden,
    layers: Array.from({ length: layers }, (_, l) => change(spec.layers[l % spec.layers.length])),
    embeddingScale: spec.embeddingScale === 1 ? 1 : Math.fround(spec.embeddingScale * Math.sqrt(ratio)),
  };
}

function reshapeAttention(
  spec: AttentionSpec,
  ratio: number,
  { heads = spec.heads, norm }: Reshaping,
): AttentionSpec {
  if (spec.latents) throw new RangeError("Cannot reshape attention: its heads come from latents");
  const headSize = spec.heads * spec.headSize * ratio / heads;
  const kvHeads = heads * spec.kvHeads / spec.heads;
  const rotated = headSize * (spec.rope?.size ?? 0) / spec.headSize;
  if (
    !Number.isInteger(headSize) || !Number.isInteger(rotated) || rotated % 2 || !Number.isInteger(kvHeads)
  ) {
    throw new RangeError(
      `Cannot reshape attention: ${heads} heads (${kvHeads} of keys) of size ${headSize}, ${rotated} of it rotated, expected whole numbers and an even rotation`,
    );
  }
  return {
    ...spec,
    heads,
    kvHeads,
    headSize,
    scale: spec.scale * Math.sqrt(spec.headSize / headSize),
    rope: spec.rope && { ...spec.rope, size: rotated },
    norm: place(spec.norm, norm),
  };
}

function reshapeMlp(
  spec: MlpSpec | MoeSpec,
  ratio: number,
  norm: Reshaping["norm"],
): MlpSpec | MoeSpec {
  const sized = <Part extends { readonly size: number }>(part: Part): Part => ({
    ...part,
    size: Math.max(1, Math.round(part.size * ratio)),
  });
  const placed = { ...spec, norm: place(spec.norm, norm) };
  if (!isMixture(placed)) return sized(placed);
  const { expert, shared } = placed;
  return { ...placed, expert: sized(expert), shared: shared && sized(shared) };
}

function place(found: NormPlacement, wanted: Reshaping["norm"]): NormPlacement {
  if (!wanted) return found;
  const norm = found.pre ?? found.post;
  return { pre: wanted === "post" ? null : norm, post: wanted === "pre" ? null : norm };
}
