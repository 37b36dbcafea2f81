/** Cosines of a plan with the full model over the steps of writing: on the full model's text, and on its own (He et al., arXiv 2603.24652). */
import { planPhrase } from "../../../measure/mod.ts";
import type { Generation } from "../../../result/mod.ts";
import { FAINT, hueOf } from "../../chart/draw/colors.ts";
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
  const bands = lines.length <= BANDED ? " Bands: 95 % intervals over the prompts." : "";
  const dashes = result.unrelated ? " Dashes: the full model beside itself on the next prompt's text." : "";
  return {
    title: titleOf(result),
    subtitle:
      "Cosine with the full model's hidden states, logits and probabilities, by step of writing; mean over " +
      `${counted(result.provenance.packing.samples, "prompt")}.${bands}${dashes}${sharedText([result])}`,
    setting: generationSetting(result),
    reading: lines.map(readingOf).join(" "),
    key: lines,
    panels: names.flatMap((name) => {
      const low = lowest(result, name);
      const modes = Object.keys(HEADINGS) as Mode[];
      const last = name === names.at(-1);
      return sharing(modes.map((mode) => chart(result, lines, { name, mode, low, last })));
    }),
    rows: generationRows(result),
  };
});

/** Plans that have bands, at most: more would hide each other. */
const BANDED = 3;

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

/** Probabilities on both texts, of the plan that changes least on the full model's. */
function titleOf({ plans }: Generation): string {
  const [least] = plans.filter(({ forced: { means } }) => means.kl)
    .sort((a, b) => a.forced.means.kl!.value - b.forced.means.kl!.value);
  if (!least) return "Cosine with the full model while texts are written";
  const { drop, forced, free } = least;
  const parts = [[forced, "the full model's text"] as const, [free, "its own"] as const].flatMap(
    ([{ steps }, of]) => {
      const step = lastOf(steps);
      return step < 0 ? [] : [`${words(steps, "probabilities", step)} at step ${step + 1} of ${of}`];
    },
  );
  return `Cosine of probabilities ${planPhrase(drop)}: ${parts.join(", ")}`;
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
function lowest({ plans, unrelated }: Generation, name: Cosine): number {
  const isBanded = plans.length <= BANDED;
  const values = plans.flatMap(({ forced, free }) => [...forced.steps, ...free.steps]).flatMap(
    ({ [name]: found }) => found ? [(isBanded ? found.low : null) ?? found.value] : [],
  );
  const others = unrelated?.steps.flatMap(({ [name]: found }) => found ? [found.value] : []) ?? [];
  const least = Math.min(1, ...values, ...others);
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
  const banded = lines.length <= BANDED;
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
    series: [
      ...mode === "free" && result.unrelated
        ? [unrelatedSeries(result.unrelated.steps.slice(0, steps), name)]
        : [],
      ...lines.map(({ plan, label, color }) => seriesOf(plan[mode].steps, name, { label, color, banded })),
    ],
  };
}

function seriesOf(
  steps: Steps,
  name: Cosine,
  { label, color, banded }: Pick<KeyEntry, "label" | "color"> & { readonly banded: boolean },
): Series {
  return {
    color,
    band: true,
    points: steps.map((step, i) => {
      const found = step[name];
      if (!found) return { x: i + 1, y: null };
      const { value, low, high } = found;
      const says = `${label}, step ${i + 1}: ${withEnds(found, two)}`;
      return { x: i + 1, y: value, says, ...!banded || low === null || high === null ? {} : { low, high } };
    }),
  };
}

/** What texts of different prompts have in common. */
function unrelatedSeries(steps: Steps, name: Cosine): Series {
  const points = steps.map((step, i) => ({ x: i + 1, y: step[name]?.value ?? null }));
  return { color: FAINT, points, width: 1.5, dash: "5 4" };
}
