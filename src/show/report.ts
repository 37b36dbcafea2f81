/** What a page shows of the results at hand: claims, figures in the order of the argument, tables. */
import type { Profile, Sweep } from "../result/mod.ts";
import { type Claim, claimsOf } from "./claims.ts";
import { cosineMagnitudeFigure } from "./cosine_magnitude.ts";
import { divergenceFigure } from "./divergence.ts";
import { dropOrderFigure } from "./drop_order.ts";
import { importanceFigure } from "./importance.ts";
import { magnitudeFigure } from "./magnitude.ts";
import { formatNumber, formatShare } from "./numbers.ts";
import { qualityFigure } from "./quality.ts";
import { byImportance, KIND_NAMES, KINDS, settingOf } from "./setting.ts";
import { signFigure } from "./sign.ts";
import { stabilityFigure } from "./stability.ts";
import { streamNormFigure, type StreamNorms } from "./stream_norm.ts";
import type { Figure } from "./svg.ts";
import { textsFigure } from "./texts.ts";

/** Results to report. What is not given is not shown. */
export interface Results {
  readonly profile: Profile;
  readonly sweep?: Sweep;
  /** Of the same model over several texts. */
  readonly texts?: readonly Profile[];
  readonly norms?: StreamNorms;
}

/** Content of a page. */
export interface Report {
  readonly title: string;
  readonly setting: string;
  readonly claims: readonly Claim[];
  readonly figures: readonly Figure[];
  readonly tables: readonly ReportTable[];
}

/** Cells as text; the first column names the row. */
export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Modules that the table of drop lists shows. */
const LISTED = 10;

/** Puts results together. */
export function reportOf({ profile, sweep, texts, norms }: Results): Report {
  return {
    title: `What ${profile.provenance.model.name} can live without`,
    setting: settingOf(profile.provenance),
    claims: claimsOf(profile, sweep),
    figures: [
      importanceFigure(profile),
      dropOrderFigure(profile),
      ...sweep ? [qualityFigure(sweep), divergenceFigure(sweep)] : [],
      stabilityFigure(profile),
      ...texts && texts.length > 1 ? [textsFigure(texts)] : [],
      magnitudeFigure(profile),
      ...norms ? [streamNormFigure(norms)] : [],
      signFigure(profile),
      cosineMagnitudeFigure(profile),
    ],
    tables: [dropTable(profile), ...sweep ? [sweepTable(sweep)] : []],
  };
}

function dropTable(profile: Profile): ReportTable {
  const orders = KINDS.map((kind) => byImportance(profile, kind));
  const length = Math.min(LISTED, Math.max(...orders.map((order) => order.length)));
  return {
    title: "The most redundant modules: layer and importance",
    head: ["rank", ...KINDS.map((kind) => KIND_NAMES[kind])],
    rows: Array.from({ length }, (_, i) => [
      String(i + 1),
      ...orders.map((order) => order[i] ? `${order[i].layer} (${formatNumber(order[i].score)})` : "–"),
    ]),
  };
}

function sweepTable({ curves }: Sweep): ReportTable {
  return {
    title: "What dropping costs",
    head: ["dropped", "by", "number", "perplexity", "KL", "same top-1"],
    rows: curves.flatMap(({ target, by, seed, points }) =>
      points.map(({ dropped, perplexity, kl, top1 }) => [
        KIND_NAMES[target],
        seed === null ? by : `${by}, seed ${seed}`,
        String(dropped),
        formatNumber(perplexity),
        formatNumber(kl),
        formatShare(top1),
      ])
    ),
  };
}
