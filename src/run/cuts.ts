/**
 * Where a layer is cut into parts.
 *
 * Attention is a sum over its heads and an MLP one over its inner units, so each can be run part by part, every part
 * adding to the sum of those before it; the last has the norm behind the module.
 *
 * Limits: attention whose q/k norm spans all heads, or whose heads come from latents, stays whole, and so do one key head's weights and one inner unit's.
 */
import {
  type AttentionSpec,
  type ExpertSpec,
  expertTensors,
  type LayerSpec,
  layerTensors,
  type MlpSpec,
  type TensorNeed,
} from "../models/mod.ts";
import { elements } from "../tensor/mod.ts";
import type { Cut } from "../weights/mod.ts";

/** Some of a module, and what it needs of each tensor (null: all of it). */
export interface Piece<Spec> {
  readonly spec: Spec;
  readonly cuts: ReadonlyMap<string, Cut | null>;
}

/** Bytes of the weights of a layer, or of one module of it, in float32. */
export function bytesOf(layer: Partial<LayerSpec>, hidden: number): number {
  return needs(layer, hidden).reduce((sum, [, shape]) => sum + 4 * elements(shape), 0);
}

function needs(layer: Partial<LayerSpec>, hidden: number) {
  return layerTensors({ residual: "sequential", attention: null, mlp: null, ...layer }, hidden);
}

/** By a linear layer's name: what of its weight or bias belongs to a piece. */
type Cuts = Readonly<Record<string, ((name: string) => Cut | null) | undefined>>;

/** Rows of a projection that reads the stream. */
const rows = (start: number, end: number) => (): Cut => ({ axis: 0, start, end });
/** Columns of one that writes to it; its bias is whole. */
const columns = (start: number, end: number) => (name: string): Cut | null =>
  name.endsWith(".bias") ? null : { axis: 1, start, end };

function piece<Spec>(spec: Spec, layer: Partial<LayerSpec>, hidden: number, cuts: Cuts = {}): Piece<Spec> {
  return { spec, cuts: cutsOf(needs(layer, hidden), cuts) };
}

function cutsOf(needs: readonly TensorNeed[], cuts: Cuts): Map<string, Cut | null> {
  return new Map(needs.map(([name]) => [name, cuts[name.slice(0, name.lastIndexOf("."))]?.(name) ?? null]));
}

/** Attention by groups of key heads, of `most` bytes of float32 weights. */
export function cutAttention(spec: AttentionSpec, hidden: number, most: number): Piece<AttentionSpec>[] {
  const { heads, kvHeads, headSize, norm, qkNorm } = spec;
  const shared = heads / kvHeads;
  const some = (keys: number): AttentionSpec => ({ ...spec, heads: keys * shared, kvHeads: keys });
  const parts = ranges(kvHeads, (keys) => bytesOf({ attention: some(keys) }, hidden), most);
  if (parts.length === 1 || qkNorm?.over === "width" || spec.latents) {
    return [piece(spec, { attention: spec }, hidden)];
  }
  return parts.map(([start, end]) => {
    const [keys, queries] = [[start, end], [start * shared, end * shared]]
      .map(([first, last]) => [first * headSize, last * headSize] as const);
    const post = end === kvHeads ? norm.post : null;
    const part = { ...some(end - start), norm: { ...norm, post }, ...onlyLast(spec, end === kvHeads) };
    return piece(part, { attention: part }, hidden, {
      attention: rows(start * shared, end * shared), // sinks
      "attention.q_proj": rows(...queries),
      "attention.k_proj": rows(...keys),
      "attention.v_proj": rows(...keys),
      "attention.o_proj": columns(...queries),
    });
  });
}

/** The scale of the update, which the sum of all parts gets. */
function onlyLast({ updateScale }: { readonly updateScale?: number }, isLast: boolean) {
  return updateScale === undefined || isLast ? {} : { updateScale: 1 };
}

/** An MLP by its inner units, of `most` bytes of float32 weights. */
export function cutMlp(spec: MlpSpec, hidden: number, most: number): Piece<MlpSpec>[] {
  const { size, norm } = spec;
  const parts = ranges(size, (units) => bytesOf({ mlp: { ...spec, size: units } }, hidden), most);
  if (parts.length === 1) return [piece(spec, { mlp: spec }, hidden)];
  return parts.map(([start, end]) => {
    const post = end === size ? norm.post : null;
    const part = { ...spec, size: end - start, norm: { ...norm, post }, ...onlyLast(spec, end === size) };
    return piece(part, { mlp: part }, hidden, {
      "mlp.gate_proj": rows(start, end),
      "mlp.up_proj": rows(start, end),
      "mlp.down_proj": columns(start, end),
    });
  });
}

/** An expert of that name by its inner units; `besides` are tensors that each part needs whole. */
export function cutExpert<Spec extends ExpertSpec>(
  spec: Spec,
  name: string,
  hidden: number,
  most: number,
  besides: readonly TensorNeed[] = [],
): Piece<Spec>[] {
  const needs = (units: number) => [...expertTensors(name, { ...spec, size: units }, hidden), ...besides];
  const bytes = (units: number) => needs(units).reduce((sum, [, shape]) => sum + 4 * elements(shape), 0);
  return ranges(spec.size, bytes, most).map(([start, end]) => {
    const cuts = end - start === spec.size ? {} : {
      [`${name}.gate_proj`]: rows(start, end),
      [`${name}.up_proj`]: rows(start, end),
      [`${name}.down_proj`]: columns(start, end),
    };
    return { spec: { ...spec, size: end - start }, cuts: cutsOf(needs(end - start), cuts) };
  });
}

/**
 * `count` units, cut into as few ranges as keep each at `most` bytes, if one unit is no more; and then as equal as can be.
 * `bytes` of some units: what each of them has, and what every part has.
 */
function ranges(
  count: number,
  bytes: (units: number) => number,
  most: number,
): (readonly [number, number])[] {
  const every = bytes(0);
  const fitting = Math.max(1, Math.floor((most - every) / (bytes(1) - every)));
  const size = Math.ceil(count / Math.ceil(count / Math.min(fitting, count)));
  return Array.from(
    { length: Math.ceil(count / size) },
    (_, i) => [i * size, Math.min((i + 1) * size, count)] as const,
  );
}
