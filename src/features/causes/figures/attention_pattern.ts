import { like } from "core/entry/mod.ts";
import { mean } from "core/measure/mod.ts";
import { heatMaps } from "core/show/chart/draw/heat.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { reading } from "core/show/words/mod.ts";

/** Attention of selected heads over one text. */
export interface AttentionPattern {
  /** The model's name. */
  readonly model: string;
  /** The text, token by token. */
  readonly tokens: readonly string[];
  /** Heads to draw, a panel each; `rows[t]` holds the shares that token t gives to the tokens up to it. */
  readonly heads: readonly {
    readonly layer: number;
    readonly head: number;
    /** Shares [query][key], each row from key 0 to the query itself. */
    readonly rows: readonly (readonly number[])[];
  }[];
}

const aPattern = like("a result of attentionOf", (value) => {
  const { tokens, heads } = (value ?? {}) as Partial<AttentionPattern>;
  return Array.isArray(tokens) && Array.isArray(heads);
});

const EDGES = [0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8];

/** Draws the attention patterns of selected heads, one map each. Throws `RangeError` if `heads` is empty. */
export const attentionPatternFigure: Draw<[AttentionPattern]> = figure("attention_pattern", {
  pattern: aPattern,
}, ({ model, tokens, heads }) => {
  if (heads.length === 0) throw new RangeError("Cannot draw attention: found no head, expected at least one");
  const shares = heads.map(({ layer, head, rows }) =>
    reading`${{ share: mean(rows.map(([share]) => share)) }} (layer ${layer}, head ${head})`
  );
  const maps = heads.map(({ layer, head, rows }) => ({
    title: `layer ${layer}, head ${head}`,
    cells: rows.flatMap((row, y) => row.map((value, x) => ({ x, y, value }))),
  }));
  return {
    rows: heads.flatMap(({ layer, head, rows }) =>
      rows.flatMap((row, query) => row.map((share, key) => ({ layer, head, query, key, share })))
    ),
    title: reading`Attention on the first token: ${shares}`,
    shows: ["How each token (row) distributes its attention over itself and the tokens before it (columns)."],
    setting: `${model} · “${tokens.join("").trim()}”`,
    reads: [
      "High shares in the first column mark an attention sink; high shares along the diagonal mark attention to",
      "the token itself or its neighbour.",
    ],
    panels: heatMaps(maps, EDGES, {
      size: [tokens.length, tokens.length],
      labels: ["key", "query"],
      names: tokens.map((token) => token.trim().slice(0, 10) || "space"),
      part: 1 / 2,
      height: 90 + Math.max(160, 17 * tokens.length),
    }),
  };
});
