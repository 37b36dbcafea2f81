/** What a page shows of the results at hand, an analysis a section: its claims, figures and tables. */
import type { Profile, Sweep } from "../result/mod.ts";
import { type Claim, droppingClaims, magnitudeClaims } from "./claims.ts";
import { cosineMagnitudeFigure } from "./cosine_magnitude.ts";
import { groupsOf, meanOf } from "./curves.ts";
import { divergenceFigure } from "./divergence.ts";
import { dropOrderFigure } from "./drop_order.ts";
import { importanceFigure } from "./importance.ts";
import { magnitudeFigure } from "./magnitude.ts";
import { formatNumber } from "./numbers.ts";
import { qualityFigure } from "./quality.ts";
import { byImportance, KIND_NAMES, KINDS, settingOf } from "./setting.ts";
import { signFigure } from "./sign.ts";
import { stabilityFigure } from "./stability.ts";
import { streamNormFigure } from "./stream_norm.ts";
import type { Figure } from "./svg.ts";
import { textsFigure } from "./texts.ts";

/** Results to report. What is not given is not shown. */
export interface Results {
  readonly profile: Profile;
  readonly sweep?: Sweep;
  /** Of the same model over several texts. */
  readonly texts?: readonly Profile[];
}

/** Content of a page. */
export interface Report {
  readonly title: string;
  readonly sections: readonly Section[];
}

/** One analysis. */
export interface Section {
  /** In a word: "importance". */
  readonly name: string;
  readonly title: string;
  /** What its numbers stand on: model, weight format, text, packing. */
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

/** Puts the results of one model together. */
export function reportOf({ profile, sweep, texts }: Results): Report {
  return {
    title: `What ${profile.provenance.model.name} can live without`,
    sections: [
      importanceSection(profile, texts),
      ...sweep ? [qualitySection(sweep)] : [],
      magnitudeSection(profile),
    ],
  };
}

/** Which modules hardly turn the stream, and how sure that is: over samples, and over the texts given. */
export function importanceSection(profile: Profile, texts: readonly Profile[] = []): Section {
  return {
    name: "importance",
    title: "Importance: which modules hardly turn the stream",
    setting: settingOf(profile.provenance),
    claims: [],
    figures: [
      importanceFigure(profile),
      dropOrderFigure(profile),
      ...profile.provenance.packing.samples > 1 ? [stabilityFigure(profile)] : [],
      ...texts.length > 1 ? [textsFigure(texts)] : [],
    ],
    tables: [dropTable(profile)],
  };
}

/** What dropping costs. */
export function qualitySection(sweep: Sweep): Section {
  const quality = qualityFigure(sweep);
  return {
    name: "quality",
    title: "Quality: what dropping costs",
    setting: quality.setting,
    claims: droppingClaims(sweep),
    figures: [quality, divergenceFigure(sweep)],
    tables: [sweepTable(sweep)],
  };
}

/** How large the updates are, where they point, and how much of importance that is. */
export function magnitudeSection(profile: Profile): Section {
  return {
    name: "magnitude",
    title: "Magnitude: how much of importance is size",
    setting: settingOf(profile.provenance),
    claims: magnitudeClaims(profile),
    figures: [
      magnitudeFigure(profile),
      streamNormFigure(profile),
      signFigure(profile),
      cosineMagnitudeFigure(profile),
    ],
    tables: [],
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

/** Perplexity by the number dropped, a column a curve; random orders as the geometric mean over their seeds. */
function sweepTable(sweep: Sweep): ReportTable {
  const groups = groupsOf(sweep);
  const counts = [...new Set(groups.flatMap(({ points }) => points.map(({ dropped }) => dropped)))]
    .sort((a, b) => a - b);
  return {
    title: "Perplexity by the number of modules dropped",
    head: ["dropped", ...groups.map(({ label }) => label)],
    rows: counts.map((count) => [
      String(count),
      ...groups.map(({ points }) => {
        const point = points.find(({ dropped }) => dropped === count);
        return point ? formatNumber(Math.exp(meanOf(point.values, ({ nll }) => nll))) : "–";
      }),
    ]),
  };
}
