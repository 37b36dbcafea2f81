/** How new tokens pass: in which parts, and what the layers of a stage share then, rows of rotation tables and what attention sees. */
import type { Has } from "../../engine/mod.ts";
import { type RopeSpec, ropeTables, rotaryNames, rotationRegime, scoring, sight } from "../../models/mod.ts";
import { float32, indices, type Tensor } from "../../tensor/mod.ts";
import { ranges } from "../../weights/mod.ts";
import type { StepLayer } from "./units.ts";

/** Tokens [first, end). */
export type Part = readonly [first: number, end: number];

/** Tokens of a text that are read at once: what a graph watches takes a quarter of a megabyte for each in a small model. */
const READ = 128;

/** Tokens of each text that are read at once, of so many. */
export function readAtOnce(tokens: number, texts: number): number {
  return texts === 1 ? Math.min(READ, tokens) : tokens;
}

/**
 * Tokens [start, end) of each text as they are read. GroupQueryAttention reads several tokens behind a past in one text alone: several
 * texts are read whole.
 */
export function partsOf(start: number, end: number, texts: number): Part[] {
  return [...ranges(start, end, readAtOnce(end - start, texts))];
}

/** Whether tokens [from, to) change the rotation of those before them. */
export function isTurned(layers: readonly StepLayer[], from: number, to: number): boolean {
  return layers.some(({ spec }) => {
    const rope = scoring(spec.attention)?.rope;
    return rope && rotationRegime(rope, from) !== rotationRegime(rope, to);
  });
}

/**
 * What layers share for new tokens of some texts, after the rows that the memory of layer `l` holds (`past`): table rows, and what
 * attention sees. By the names the graphs give them.
 */
export function sharedFeeds(
  layers: readonly StepLayer[],
  has: Has,
  { tokens, texts, past }: { readonly tokens: number; readonly texts: number; past(l: number): number },
  rowsOf: (rope: RopeSpec) => { cos: Tensor; sin: Tensor },
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  const seen = new Set<string>();
  for (const { l, spec } of layers) {
    const attention = scoring(spec.attention);
    if (!attention) continue;
    const key = `${attention.headSize} ${attention.window}`;
    if (!seen.has(key)) {
      Object.assign(feeds, sight(attention, has, { past: past(l), tokens, texts }));
      seen.add(key);
    }
    if (!attention.rope) continue;
    const names = rotaryNames(attention.rope);
    if (names.cos in feeds) continue;
    const { cos, sin } = rowsOf(attention.rope);
    Object.assign(feeds, { [names.cos]: cos, [names.sin]: sin });
  }
  return feeds;
}

/** Rows of rotations' tables for parts of texts of `length` tokens. A table doubles when it ends, unless the length decides what is in it. */
export function rotaryRows() {
  const tables = new Map<string, { cos: Tensor; sin: Tensor; regime: number }>();
  return (rope: RopeSpec, [first, end]: Part, length: number): { cos: Tensor; sin: Tensor } => {
    const key = JSON.stringify(rope);
    const half = rope.size / 2;
    const regime = rotationRegime(rope, length);
    let table = tables.get(key);
    if (!table || table.regime !== regime || table.cos.shape[0] < end) {
      const more = 2 ** Math.ceil(Math.log2(length + 255));
      const rows = rotationRegime(rope, more) === regime ? more : length;
      table = { ...ropeTables(rope, rows), regime };
      tables.set(key, table);
    }
    const rows = ({ data }: Tensor) =>
      float32([end - first, half], (data as Float32Array).subarray(first * half, end * half));
    return { cos: rows(table.cos), sin: rows(table.sin) };
  };
}

/** The last row of each text, of a stream [B·T, D]. */
export function lastRows(tokens: number, texts: number): Tensor {
  return indices(Array.from({ length: texts }, (_, text) => (text + 1) * tokens - 1));
}
