/** What the layers of a stage share when new tokens pass: rows of rotation tables, and what attention sees. */
import type { Has } from "../../engine/mod.ts";
import { type RopeSpec, ropeTables, rotaryNames, rotationRegime, scoring, sight } from "../../models/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import type { StepLayer } from "./stage.ts";

/** Tokens [first, end). */
export type Part = readonly [first: number, end: number];

/** New tokens of some texts, after the rows that the memory of layer `l` holds. */
export interface New {
  readonly tokens: number;
  readonly texts: number;
  past(l: number): number;
}

/** What layers share: table rows, and what attention sees. By the names the graphs give them. */
export function sharedFeeds(
  layers: readonly StepLayer[],
  has: Has,
  { tokens, texts, past }: New,
  rowsOf: (rope: RopeSpec) => { cos: Tensor; sin: Tensor },
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  const seen = new Set<string>();
  for (const { l, spec } of layers) {
    const attention = scoring(spec.attention);
    if (!attention) continue;
    const { headSize, window, firstKeys } = attention;
    const key = `${headSize} ${window} ${firstKeys}`;
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

/** Rows of a rotation's tables for a part of a text of `length` tokens. */
export type RotaryRows = (rope: RopeSpec, part: Part, length: number) => { cos: Tensor; sin: Tensor };

/** A table doubles when it ends, unless the text's length decides what is in it. */
export function rotaryRows(): RotaryRows {
  const tables = new Map<string, { cos: Tensor; sin: Tensor; regime: number }>();
  return (rope, [first, end], length) => {
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

/** The last `answers` rows of each text, of a stream [B·T, D]. */
export function lastRows(tokens: number, texts: number, answers: number): Tensor {
  const row = (i: number) => Math.floor(i / answers) * tokens + tokens - answers + i % answers;
  const data = BigInt64Array.from({ length: texts * answers }, (_, i) => BigInt(row(i)));
  return { dtype: "i64", shape: [data.length], data };
}
