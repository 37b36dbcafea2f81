/**
 * The same architecture at another shape, to vary one cause and hold the others fixed: width, depth, heads and norm
 * placement.
 */
import {
  type AttentionSpec,
  isLinear,
  isMixture,
  type LatentSpec,
  type LayerSpec,
  type MixerSpec,
  type MlpSpec,
  type ModelSpec,
  type MoeSpec,
  type NormPlacement,
} from "./spec.ts";

/** Changes to a model's shape; all other sizes follow or stay the same. */
export interface Reshaping {
  /** Width of the stream, D. The inner widths of attention and MLP scale in proportion; the number of heads stays the same. */
  readonly hidden?: number | undefined;
  /** Number of layers, L. Layers repeat in the model's own order. */
  readonly layers?: number | undefined;
  /** Number of heads, H, at the same total width; key heads scale in proportion. */
  readonly heads?: number | undefined;
  /** Norm placement of every module, in place of the family's. */
  readonly norm?: "pre" | "peri" | "post" | undefined;
}

/** Changes a model's shape. Throws `RangeError` if a width does not divide into heads. */
export function reshape(spec: ModelSpec, changes: Reshaping): ModelSpec {
  const { hidden = spec.hidden, layers = spec.layers.length, norm } = changes;
  const ratio = hidden / spec.hidden;
  const change = (layer: LayerSpec): LayerSpec => ({
    ...layer,
    attention: reshapeMixer(layer.attention, ratio, changes),
    mlp: layer.mlp && reshapeMlp(layer.mlp, ratio, norm),
  });
  return {
    ...spec,
    hidden,
    layers: Array.from({ length: layers }, (_, l) => change(spec.layers[l % spec.layers.length])),
    embeddingScale: spec.embeddingScale === 1 ? 1 : Math.fround(spec.embeddingScale * Math.sqrt(ratio)),
  };
}

/** Linear attention keeps its number of heads: their widths scale. */
function reshapeMixer(mixer: MixerSpec | null, ratio: number, changes: Reshaping): MixerSpec | null {
  if (!isLinear(mixer)) return mixer && reshapeAttention(mixer, ratio, changes);
  const [keySize, valueSize] = [mixer.keySize * ratio, mixer.valueSize * ratio];
  if (!Number.isInteger(keySize) || !Number.isInteger(valueSize)) {
    throw new RangeError(
      `Cannot reshape linear attention: heads of ${keySize} and ${valueSize} numbers, expected whole numbers`,
    );
  }
  return { ...mixer, keySize, valueSize, norm: place(mixer.norm, changes.norm) };
}

function reshapeAttention(
  spec: AttentionSpec,
  ratio: number,
  { heads = spec.heads, norm }: Reshaping,
): AttentionSpec {
  if (spec.latents) return reshapeLatents(spec, spec.latents, ratio, { heads, norm });
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

/** Latents scale with the width, what heads have of their own as heads do elsewhere. */
function reshapeLatents(
  spec: AttentionSpec,
  latents: LatentSpec,
  ratio: number,
  { heads = spec.heads, norm }: Reshaping,
): AttentionSpec {
  const ofHead = spec.heads * ratio / heads;
  const made = {
    ...latents,
    query: latents.query && latents.query * ratio,
    keyValue: latents.keyValue * ratio,
    plain: latents.plain * ofHead,
    value: latents.value * ofHead,
  };
  const rotated = (spec.rope?.size ?? 0) * ofHead;
  const sizes = [made.query ?? 0, made.keyValue, made.plain, made.value, rotated / 2];
  if (!sizes.every(Number.isInteger)) {
    throw new RangeError(
      `Cannot reshape latent attention: latents of ${
        made.query ?? "no"
      } and ${made.keyValue} numbers, ${heads} heads of ${made.plain} and ${rotated} rotated, values of ${made.value}, expected whole numbers and an even rotation`,
    );
  }
  return {
    ...spec,
    latents: made,
    heads,
    kvHeads: heads,
    headSize: Math.max(made.plain + rotated, made.value),
    scale: spec.scale / Math.sqrt(ofHead),
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
