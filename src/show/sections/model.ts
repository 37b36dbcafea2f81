/** One model as sections: which modules hardly turn the residual stream, what dropping costs, how large the updates are. */
import { KINDS } from "../../measure/mod.ts";
import type { Mixtures, Profile, Sweep } from "../../result/mod.ts";
import { droppingClaims, magnitudeClaims } from "../claims/claims.ts";
import {
  cosineMagnitudeFigure,
  divergenceFigure,
  dropOrderFigure,
  expertLoadFigure,
  importanceFigure,
  magnitudeFigure,
  qualityFigure,
  signFigure,
  stabilityFigure,
  streamNormFigure,
  textsFigure,
} from "../figures/mod.ts";
import { groupsOf, meanOf } from "../chart/curves.ts";
import { formatNumber } from "../chart/numbers.ts";
import { byImportance, KIND_NAMES, settingOf } from "../chart/setting.ts";
import { importanceAnswer, qualityAnswer } from "./answer.ts";
import type { ReportTable, Section } from "./section.ts";
import { MIXER_HEAD, mixerRows } from "../tables/mixers.ts";
import { MIXTURE_HEAD, mixtureRows, MIXTURES } from "../tables/mixtures.ts";

/** How many modules the table of drop lists shows. */
const LISTED = 10;

/** Which modules hardly turn the residual stream, and how stable that is over samples and over the given texts. */
export function importanceSection(profile: Profile, texts: readonly Profile[] = []): Section {
  return {
    name: "importance",
    title: "Importance: which modules barely turn the residual stream",
    setting: settingOf(profile.provenance),
    claims: [],
    figures: [
      importanceFigure(profile),
      dropOrderFigure(profile),
      ...profile.provenance.packing.samples > 1 ? [stabilityFigure(profile)] : [],
      ...texts.length > 1 ? [textsFigure(texts)] : [],
      ...profile.mixtures ? [expertLoadFigure(profile)] : [],
    ],
    tables: [
      dropTable(profile),
      ...profile.mixers ? [mixerTable(profile)] : [],
      ...profile.mixtures ? [mixtureTable(profile.mixtures)] : [],
    ],
    answer: importanceAnswer(profile),
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
    answer: qualityAnswer(sweep),
  };
}

/** How large the updates are, where they point, and how much of importance that explains. */
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
    title: "The most redundant modules: layer (importance)",
    head: ["rank", ...KINDS.map((kind) => KIND_NAMES[kind])],
    rows: Array.from({ length }, (_, i) => [
      String(i + 1),
      ...orders.map((order) => order[i] ? `${order[i].layer} (${formatNumber(order[i].score)})` : "–"),
    ]),
  };
}

function mixerTable(profile: Profile): ReportTable {
  return {
    title: "Importance of attention by kind of mixer",
    head: MIXER_HEAD,
    rows: mixerRows(profile),
  };
}

function mixtureTable(mixtures: Mixtures): ReportTable {
  return { title: `${MIXTURES}, by layer`, head: MIXTURE_HEAD, rows: mixtureRows(mixtures) };
}

/** Perplexity by the number dropped, one column per curve; random orders as the geometric mean over their seeds. */
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
