/** What a page answers first: what may go, at what cost, and where that was measured; put together from its sections. */
import { type Evaluation, meanOver, type Profile, type Sweep } from "../../result/mod.ts";
import { accuracyChange, accuracyCurves, type Dropped, fullOf } from "../chart/accuracy.ts";
import { comparedAt, groupsOf } from "../chart/curves.ts";
import { formatNumber, formatPoints, formatPointsRange } from "../chart/numbers.ts";
import { KIND_NAMES, KINDS } from "../chart/setting.ts";
import { counted, leastImportant, quarter } from "../chart/summary.ts";
import type { Answer, Section } from "./section.ts";

const NOUNS = { attention: "attention module", mlp: "MLP", block: "block" } as const;

/** Perplexity may rise by this share where modules "may go". */
const BUDGET = 0.1;

/** The least important modules: all that a profile alone can say. */
export function importanceAnswer(profile: Profile): Answer {
  const n = quarter(profile.provenance.model.layers);
  const told = KINDS.flatMap((kind) => {
    const layers = leastImportant(profile, kind, n);
    return layers.length ? [`${KIND_NAMES[kind]} ${layers.join(" ")}`] : [];
  });
  return told.length ? { goes: `Least important, by layer: ${told.join("; ")}.` } : {};
}

/** How many modules of each kind go, of the numbers tried, before perplexity has risen by the budget; and what they cost. */
export function qualityAnswer(sweep: Sweep): Answer {
  const { layers } = sweep.provenance.model;
  const groups = groupsOf(sweep).filter(({ by }) => by === "importance");
  const told = groups.flatMap(({ target, points }) => {
    if (target !== "attention" && target !== "mlp" && target !== "block") return [];
    const over = points.findIndex(({ values: [{ rise }] }) => rise > Math.log(1 + BUDGET));
    const last = points.slice(0, over < 0 ? undefined : over).at(-1);
    return [counted(last?.dropped ?? 0, NOUNS[target])];
  });
  const compared = comparedAt(groups, layers);
  const full = sweep.curves.flatMap(({ points }) => points).find(({ dropped }) => dropped === 0);
  return {
    ...told.length
      ? {
        goes: `${told.join(", or ")} of ${layers} layers, with perplexity up by at most ${
          BUDGET * 100
        } % (of the numbers tried).`,
      }
      : {},
    ...compared && full
      ? {
        cost: `Perplexity ${formatNumber(full.perplexity)} becomes ${
          formatNumber(compared.attention.perplexity)
        } without ${compared.dropped} attention modules, ${
          formatNumber(compared.mlp.perplexity)
        } without ${compared.dropped} MLPs.`,
      }
      : {},
  };
}

/** What the longest list of attention modules costs in accuracy. */
export function tasksAnswer(results: readonly Evaluation[], plans: readonly Dropped[]): Answer {
  const full = fullOf(results);
  const told = accuracyCurves(results, plans).filter(({ by }) => by === "importance").map((curve) => {
    const { dropped, result } = curve.points.at(-1)!;
    const { difference, low, high } = accuracyChange(result, full);
    return `${formatPoints(difference)} points (${formatPointsRange(low, high, " to ")}) without ${
      counted(dropped, curve.target === "attention" ? NOUNS.attention : KIND_NAMES[curve.target])
    }`;
  });
  return told.length
    ? { cost: `Mean accuracy over ${meanOver(full).map(({ name }) => name).join(", ")}: ${told.join("; ")}.` }
    : {};
}

/** The lines a page opens with, each with its name. */
export function answerLines(
  sections: readonly Section[],
): readonly (readonly [name: string, text: string])[] {
  const goes = sections.findLast(({ answer }) => answer?.goes);
  const costs = sections.filter(({ answer }) => answer?.cost);
  if (!goes && costs.length === 0) {
    return sections.flatMap(({ title, figures }) =>
      figures.length ? [[title.split(":")[0], `${figures[0].title}.`] as const] : []
    );
  }
  return [
    ["What may go", goes?.answer?.goes ?? "Not measured on this page."],
    ["At what cost", costs.map(({ answer }) => answer!.cost!).join(" ") || "Not measured on this page."],
    ["On which model and text", (goes ?? costs[0]).setting],
  ];
}
