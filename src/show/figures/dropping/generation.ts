/** Cosines of a plan with the full model over the steps of writing: on the full model's text, and on its own (He et al., arXiv 2603.24652). */
import { planPhrase } from "../../../measure/mod.ts";
import type { Generation } from "../../../result/mod.ts";
import { hueOf, type Look } from "../../chart/draw/colors.ts";
import type { KeyEntry } from "../../chart/draw/key.ts";
import { type Panel, type Series, sharing } from "../../chart/draw/panel.ts";
import { counted, formatFixed } from "../../chart/numbers.ts";
import { sharedText } from "../../chart/shared.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import {
  generationRows,
  generationSetting,
  type Mode,
  planLabels,
  stepsOf,
  withEnds,
} from "../../tables/generation.ts";

const COSINES = { hidden: "hidden states", logits: "logits", probabilities: "probabilities" } as const;
type Cosine = keyof typeof COSINES;
const HEADINGS = { forced: "on the full model's text", free: "each on its own text" } as const;

/**
 * Draws the cosines of hidden states, of logits and of probabilities with those of the full model, step by step.
 *
 * @example
 * ```ts
 * import { generation } from "lamina";
 * import { generationFigure } from "lamina/figures";
 *
 * const options = { prompts: ["The model", "A layer"], tokens: 8 };
 * const { svg, reading } = generationFigure(await generation("data/series/pre-ln/step00512", [{ mlp: [3] }], options));
 * ```
 */
export const generationFigure: Draw<[Generation]> = figure("generation", "generation", (result) => {
  const lines = planLines(result);
  const names = Object.keys(COSINES) as Cosine[];
  return {
    title: titleOf(result),
    subtitle:
      "Cosine with the full model's hidden states, logits and probabilities, by step of writing; mean over " +
      `${counted(result.provenance.packing.samples, "prompt")}. Bands: 95 % intervals over the prompts.${
        sharedText([result])
      }`,
    setting: generationSetting(result),
    reading: lines.map(readingOf).join(" ") || "No text was written.",
    key: lines,
    panels: names.flatMap((name) => {
      const low = lowest(result, name);
      const modes = Object.keys(HEADINGS) as Mode[];
      return sharing(
        modes.map((mode) => chart(result, lines, { name, mode, low, last: name === names.at(-1) })),
      );
    }),
    rows: generationRows(result),
  };
});

/** A plan, and how it looks. */
export interface PlanLine extends KeyEntry {
  readonly plan: Generation["plans"][number];
}

/** The plans with their labels and looks. */
export function planLines(result: Generation): PlanLine[] {
  const labels = planLabels(result);
  return result.plans.map((plan, i) => ({ plan, label: labels[i], ...hueOf(i) }));
}

type Steps = Generation["plans"][number]["free"]["steps"];

const lastOf = (steps: Steps) => steps.findLastIndex(({ texts }) => texts > 0);
const two = (value: number) => formatFixed(value, 2);
const words = (steps: Steps, name: Cosine, step: number) => withEnds(steps[step][name], two) ?? "undefined";

/** The plan whose probabilities are farthest at the last step of its own text. */
function titleOf({ plans }: Generation): string {
  const ends = plans.flatMap(({ drop, free: { steps } }) => {
    const step = lastOf(steps);
    const value = steps[step]?.probabilities?.value;
    return value === undefined ? [] : [{ drop, steps, step, value }];
  }).sort((a, b) => a.value - b.value);
  if (ends.length === 0) return "Cosine with the full model while texts are written";
  const [{ drop, steps, step }] = ends;
  return `${planPhrase(drop).replace(/^w/, "W")}, at step ${
    step + 1
  } of its own text: cosine of hidden states ${words(steps, "hidden", step)}, of probabilities ${
    words(steps, "probabilities", step)
  }`;
}

function readingOf({ label, plan }: PlanLine): string {
  const parts = (["forced", "free"] as const).flatMap((mode) => {
    const { steps } = plan[mode];
    const step = lastOf(steps);
    if (step < 0) return [];
    const cosines = (Object.keys(COSINES) as Cosine[]).map((name) =>
      `${COSINES[name]} ${words(steps, name, step)}`
    );
    return [`${HEADINGS[mode]}, step ${step + 1}: ${cosines.join(", ")}`];
  });
  return `${label}, ${parts.join("; ") || "no step"}.`;
}

/** The lower end of an axis for both texts. */
function lowest({ plans }: Generation, name: Cosine): number {
  const values = plans.flatMap(({ forced, free }) =>
    [...forced.steps, ...free.steps].flatMap((step) => step[name] ? [step[name].low ?? step[name].value] : [])
  );
  const least = Math.min(1, ...values);
  return least - Math.max(0.002, 0.05 * (1 - least));
}

function chart(
  result: Generation,
  lines: readonly PlanLine[],
  { name, mode, low, last }: {
    readonly name: Cosine;
    readonly mode: Mode;
    readonly low: number;
    readonly last: boolean;
  },
): Panel {
  const steps = Math.max(stepsOf(result, mode), 2);
  const decimals = 1 - low < 0.1 ? 3 : 2;
  return {
    height: last ? 250 : 216,
    headings: [{ text: name === "hidden" ? HEADINGS[mode] : "" }],
    x: { domain: [0.5, steps + 0.5], label: "step", bare: !last },
    y: {
      domain: [low, 1 + 0.05 * (1 - low)],
      label: COSINES[name],
      format: (value) => formatFixed(value, decimals),
      grid: true,
      rule: 1,
    },
    series: lines.map(({ plan, label, color }) => seriesOf(plan[mode].steps, name, { label, color })),
  };
}

function seriesOf(
  steps: Steps,
  name: Cosine,
  { label, color }: Pick<KeyEntry & Look, "label" | "color">,
): Series {
  return {
    color,
    band: true,
    points: steps.map((step, i) => {
      const found = step[name];
      if (!found) return { x: i + 1, y: null };
      const { value, low, high } = found;
      const says = `${label}, step ${i + 1}: ${withEnds(found, two)}`;
      return { x: i + 1, y: value, says, ...low === null || high === null ? {} : { low, high } };
    }),
  };
}
