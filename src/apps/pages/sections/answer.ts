/**
 * What a page answers first: what may go, at what cost, and where that was measured; put together from its sections. All cards
 * are about one plan: the first section that has one chooses it, and every section says what it measured of that plan.
 */
import {
  accuracyChange,
  accuracyCurves,
  type Evaluation,
  fullOf,
  meanOver,
} from "../../../features/evaluate/mod.ts";
import {
  answerRow,
  answerText,
  type Fit,
  headline,
  numbersText,
  promiseText,
  sizeText,
} from "../../../features/fit/mod.ts";
import { isByImportance } from "core/result/mod.ts";
import { mostAllowed, type Sweep } from "../../../features/sweep/mod.ts";
import { type Profile, surelyLowest } from "../../../features/profile/mod.ts";
import {
  capital,
  formatNumber,
  KIND_NAMES,
  modules,
  perplexityText,
  pointsText,
  reading,
  sentences,
  sharedText,
  tokensOf,
} from "core/show/words/mod.ts";
import { changeTexts, KINDS, MODULES, planHash, planPhrase } from "core/measure/mod.ts";
import type { Answer, Drop, Section } from "./section.ts";

/** Perplexity may rise by this share where modules "may go". */
const BUDGET = 0.1;

/** The modules that are surely among the least important quarter of their kind. */
export function importanceAnswer(profile: Profile): Answer | undefined {
  const texts = KINDS.flatMap((kind) => {
    const lowest = surelyLowest(profile, kind);
    return lowest ? [`${KIND_NAMES[kind]} ${lowest.join(" ") || "cannot tell"}`] : [];
  });
  return texts.length ? { goes: `Least important layers (95 %): ${texts.join("; ")}.` } : undefined;
}

/** The largest plan, of those tried, that surely stays within the budget; what it costs, or any other plan of the sweep. */
export function qualityAnswer(sweep: Sweep): Answer | undefined {
  const { curves, provenance } = sweep;
  const { model: { layers }, packing: { samples } } = provenance;
  const best = mostAllowed(sweep, BUDGET);
  if (!best) return undefined;
  const { point } = best;
  const which = layersText(point.drop.attention.length ? point.drop.attention : point.drop.mlp);
  const what = `${modules(best.target, point.dropped, layers)} (${which})`;
  const rise = `perplexity rises by at most ${BUDGET * 100} %`;
  const more = best.atMost > best.atLeast ? ` Cannot tell for ${best.atMost}.` : "";
  const unsure = samples === 1 ? ": one sample gives no interval" : ` (95 %; ${samples} samples)`;
  return {
    drop: point.drop,
    measure: "loss",
    goes: best.atLeast > 0
      ? `${what}: ${rise} (95 %; among the numbers tried).${more}`
      : best.atMost > 0
      ? `Cannot tell whether ${rise} without ${what}${unsure}.`
      : reading`Nothing among the numbers tried: without ${what}, perplexity rises by more than
        ${100 * BUDGET} % (95 %).`,
    costOf: (drop) => {
      const cost = perplexityCost(curves, drop, samples);
      return cost && sentences(cost, sharedText([sweep]));
    },
  };
}

function perplexityCost(curves: Sweep["curves"], drop: Drop, samples: number): string | undefined {
  const bare = curves.filter(({ repair }) => !repair);
  const point = bare.flatMap(({ points }) => points).find((point) => sameDrop(point.drop, drop));
  if (!point) return undefined;
  const [before, after] = [point.perplexity / Math.exp(point.rise), point.perplexity].map(formatNumber);
  return reading`Perplexity ${before} becomes ${after} ${planPhrase(drop)}
    (${perplexityText(point, samples)}).`;
}

/** The longest list of attention modules that was measured; what a plan costs in accuracy. */
export function tasksAnswer(results: readonly Evaluation[]): Answer | undefined {
  const full = fullOf(results);
  const curves = accuracyCurves(results).filter(isByImportance);
  const longest = curves.find(({ target }) => target === "attention") ?? curves[0];
  if (!longest) return undefined;
  const { result: { provenance: { drop, model } } } = longest.points.at(-1)!;
  return {
    drop,
    measure: "accuracy",
    goes: `Accuracy alone does not decide this. Longest list measured: ${dropText(drop, model.layers)}.`,
    costOf(wanted) {
      const result = results.find(({ provenance }) => sameDrop(provenance.drop, wanted));
      if (!result) return undefined;
      const tasks = meanOver(full).map(({ name }) => name).join(", ");
      const change = pointsText(accuracyChange(result, full));
      return sentences(`Mean accuracy over ${tasks}: ${change} ${planPhrase(wanted)}.`, sharedText([result]));
    },
  };
}

/** Dropped modules of a model of so many layers: "2 of 30 attention modules (layers 25 26)". */
function dropText(drop: Drop, layers: number): string {
  const dropped = MODULES.filter((kind) => drop[kind].length > 0)
    .map((kind) => `${modules(kind, drop[kind].length, layers)} (${layersText(drop[kind])})`);
  return [...dropped, ...changeTexts(drop)].join(" and ");
}

function layersText(layers: readonly number[]): string {
  return `${layers.length === 1 ? "layer" : "layers"} ${layers.join(" ")}`;
}

const sameDrop = (a: Drop, b: Drop): boolean => planHash(a) === planHash(b);

/** The section that the cards are about: the first that chose a plan, else the last with an answer, else the first. */
export function leading(sections: readonly Section[]): Section | undefined {
  return sections.find(({ answer }) => answer?.drop) ?? sections.findLast(({ answer }) => answer) ??
    sections[0];
}

export function answerLines(
  sections: readonly Section[],
): readonly (readonly [name: string, text: string])[] {
  const main = leading(sections)?.answer;
  if (!main) {
    return sections.flatMap(({ title, figures }) =>
      figures.length ? [[title.split(":")[0], `${figures[0].title}.`] as const] : []
    );
  }
  const { drop, saves } = main;
  const answers = sections.flatMap(({ answer }) => answer ?? []);
  return [
    ["What may go", main.goes],
    ["What it costs", (drop ? costsOf(answers, drop) : []).join(" ") || "Not measured on this page."],
    ...saves ? [["What it saves", saves] as const] : [],
  ];
}

/** The costs of a plan, each measure by the first section that has it. */
function costsOf(answers: readonly Answer[], drop: Drop): string[] {
  const told = new Set<Answer["measure"]>();
  return answers.flatMap(({ measure, costOf }) => {
    const cost = told.has(measure) ? undefined : costOf?.(drop);
    if (cost === undefined) return [];
    told.add(measure);
    return [cost];
  });
}

/** The answer; where nothing keeps the limits, it is about the smallest plan that was confirmed. */
export function fitAnswer(fit: Fit): Answer | undefined {
  const { aims, answer, confirmed, confirming } = fit;
  const row = answerRow(fit) ?? confirmed.at(0);
  if (!row) return undefined;
  const { drop } = row;
  return {
    drop,
    measure: "loss",
    goes: answer === null
      ? `${headline(fit)} (95 %).`
      : `${answerText(fit)} ${capital(promiseText(aims))} (95 %).`,
    costOf: (wanted) =>
      sameDrop(wanted, drop)
        ? `${numbersText(fit, row)}, on ${tokensOf(confirming)} that had no part in the choice.`
        : undefined,
    ...answer === null ? {} : { saves: `${sizeText(fit, row)}.` },
  };
}
