/** A model's properties, a line each. */
import { counted, formatWhole } from "core/show/words/mod.ts";
import { formatBytes } from "core/entry/mod.ts";
import type { Info } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { type Table, tableOf } from "core/show/tables/table.ts";

/** What kinds of modules are called that are not the usual ones. */
const TYPES: Readonly<Record<string, string>> = {
  latent: "latent attention",
  delta: "linear attention",
  mean: "a mean",
  "linear-map": "a linear map",
  mixture: "experts",
};

export function infoTables(info: Info): Table[] {
  const { parameters, attention, mlp, trained, tables } = info;
  const revision = info.revision === null ? "" : `, commit ${info.revision.slice(0, 12)}`;
  const properties: [property: string, value: string][] = [
    ["family", info.family],
    ["layers", `${info.layers}, residual stream of ${formatWhole(info.hidden)} numbers`],
    ...attention.map((own): [string, string] => ["attention", attentionText(own)]),
    ...mlp.map((own): [string, string] => ["MLP", mlpText(own)]),
    ["parameters", formatWhole(parameters.all)],
    ["  in attention", formatWhole(parameters.attention)],
    ["  in MLPs", formatWhole(parameters.mlp)],
    ["  in embeddings", formatWhole(parameters.embeddings)],
    ["weights", `${formatBytes(info.bytes)}, ${info.format}`],
    ...tables
      ? [
        [
          "tables of words",
          `two that round one; an export keeps the ${tables.both}'s and saves ${formatBytes(tables.saved)}`,
        ] as [string, string],
      ]
      : [],
    ["trained length", trained === null ? "not stated" : `${formatWhole(trained)} tokens`],
    ["vocabulary", `${formatWhole(info.vocabulary)} tokens`],
    ["keys and values", `${formatWhole(info.kvBytesPerToken)} bytes per token in 16 bits`],
    ["licence", info.licence ?? "not stated"],
    ["from", `${info.origin}${revision}`],
  ];
  return [{
    title: info.model,
    ...tableOf(properties, [
      { title: "property", value: ([property]) => property, align: "left" },
      { title: "value", value: ([, value]) => value, align: "left" },
    ]),
    left: [1, 0], // where lines are too long, values fold
  }];
}

/** "30 layers", "3 layers of linear attention". */
function layersText({ type, layers }: { readonly type: string; readonly layers: number }): string {
  return `${counted(layers, "layer")}${Object.hasOwn(TYPES, type) ? ` of ${TYPES[type]}` : ""}`;
}

/** "30 layers, 9 heads of 64, 3 for keys and values". */
function attentionText(own: Info["attention"][number]): string {
  const { heads, kvHeads, headSize, window } = own;
  return [
    layersText(own),
    ...heads === null ? [] : [`${counted(heads, "head")} of ${headSize}`],
    ...kvHeads !== null && kvHeads !== heads ? [`${kvHeads} for keys and values`] : [],
    ...window === null ? [] : [`window of ${counted(window, "key")}`],
  ].join(", ");
}

/** "30 layers, width 1,536", "24 layers of experts, 8 of width 1,024, 2 for each token". */
function mlpText(own: Info["mlp"][number]): string {
  const { width, experts, top, shared } = own;
  const size = width === null ? [] : [`width ${formatWhole(width)}`];
  return [
    layersText(own),
    ...experts === null ? size : [`${experts} of ${size}`, `${top} for each token`],
    ...shared ? ["a shared one beside them"] : [],
  ].join(", ");
}

export function infoRows(info: Info): CsvRow[] {
  const { model, origin, licence, family, format, bytes, layers, hidden, vocabulary, trained } = info;
  const { all, attention, mlp, embeddings } = info.parameters;
  return [{
    ...{ model, format, family, layers, hidden, vocabulary, trained, bytes },
    parameters: all,
    attention_parameters: attention,
    mlp_parameters: mlp,
    embedding_parameters: embeddings,
    kv_bytes_per_token: info.kvBytesPerToken,
    ...{ licence, origin },
  }];
}
