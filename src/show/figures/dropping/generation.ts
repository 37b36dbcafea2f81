import { fartherOnOwnText, type Generation } from "../../../result/mod.ts";
import { linearAxis } from "../../chart/draw/axes.ts";
import { FAINT, hueOf } from "../../chart/draw/colors.ts";
import type { KeyEntry } from "../../chart/draw/key.ts";
import { type Panel, sharing } from "../../chart/draw/panel.ts";
import { lineChart } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import {
  generationRows,
  generationSetting,
  type Mode,
  planLabels,
  stepsOf,
} from "../../tables/generation.ts";
import { fixed } from "../../tables/table.ts";
import { cosineText, counted, type Finding, reading, sharedText, unknownText } from "../../words/mod.ts";

const COSINES = { hidden: "hidden states", logits: "logits", probabilities: "probabilities" } as const;
type Cosine = keyof typeof COSINES;
const HEADINGS = { forced: "on the full model's text", free: "each on its own text" } as const;

/**
 * Draws the cosines of hidden states, of logits and of probabilities with those of the full model, step by step, on the full model's text
 * and on the plan's own (He et al., arXiv 2603.24652).
 */
export const generationFigure: Draw<[Generation]> = figure("generation", "generation", (result) => {
  const labels = planLabels(result);
  const lines = result.plans.map((plan, i) => ({ plan, label: labels[i], ...hueOf(i) }));
  const names = Object.keys(COSINES) as Cosine[];
  return {
    rows: generationRows(result),
    title: finding(result),
    shows: [
      "Cosine with the full model's hidden states, logits and probabilities, by step of writing; mean over",
      `${counted(result.provenance.packing.samples, "prompt")}.`,
      lines.length <= BANDED && "Bands: 95 % intervals over the prompts.",
      result.unrelated !== null && "Dashes: the full model beside itself on the next prompt's text.",
      sharedText([result]),
    ],
    setting: generationSetting(result),
    reads: [`Cosine of probabilities at the last step: ${lines.map(ends).join("; ")}.`],
    key: lines,
    panels: names.flatMap((name) => {
      const low = lowest(result, name);
      const last = name === names.at(-1);
      return sharing(
        (Object.keys(HEADINGS) as Mode[]).map((mode) => chart(result, lines, { name, mode, low, last })),
      );
    }),
  };
});

/** Plans that have bands, at most: more would hide each other. */
const BANDED = 3;

interface PlanLine extends KeyEntry {
  readonly plan: Generation["plans"][number];
}

type Steps = Generation["plans"][number]["free"]["steps"];

function finding(result: Generation): Finding {
  const found = fartherOnOwnText(result);
  if (!found) return { topic: "Cosine with the full model while texts are written" };
  const { step, farther } = found;
  const what =
    "probabilities are farther from the full model's on a plan's own text than on the full model's";
  const all = counted(farther.all, "plan");
  if (farther.above === 0 && farther.unknown > 0) return { open: `for any of ${all} whether ${what}` };
  return {
    found: `By step ${step + 1}, ${what} for ${farther.above} of ${all}${unknownText(farther, "for")}`,
  };
}

function ends({ label, plan }: PlanLine): string {
  const each = (Object.keys(HEADINGS) as Mode[]).flatMap((mode) => {
    const { steps } = plan[mode];
    const step = steps.findLastIndex(({ texts }) => texts > 0);
    const found = steps[step]?.probabilities;
    const text = mode === "free" ? "on its own" : "on the full model's text";
    return step < 0 ? [] : [`${found ? cosineText(found) : "undefined"} ${text}`];
  });
  return each.length > 0 ? reading`${label} ${each}` : `${label}, no step`;
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

/** What texts of different prompts have in common. */
const UNRELATED = { label: "", color: FAINT, width: 1.5, dash: "5 4" };

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
  const rowsOf = (all: Steps, isBanded: boolean) =>
    all.map(({ [name]: found }, i) => {
      const { value = null, low = null, high = null } = found ?? {};
      return { step: i + 1, value, ...isBanded ? { low, high } : { low: null, high: null } };
    });
  const own = lines.map(({ plan, label, color }) => (
    { label, color, band: true, rows: rowsOf(plan[mode].steps, lines.length <= BANDED) }
  ));
  const unrelated = mode === "free" && result.unrelated
    ? [{ ...UNRELATED, rows: rowsOf(result.unrelated.steps.slice(0, steps), false) }]
    : [];
  return lineChart([...unrelated, ...own], "step", "value", {
    height: last ? 250 : 216,
    headings: [{ text: name === "hidden" ? HEADINGS[mode] : "" }],
    ends: ["low", "high"],
    keyed: true,
    across: { domain: [0.5, steps + 0.5], label: "step", bare: !last },
    up: { ...linearAxis([low, 1 + 0.05 * (1 - low)], COSINES[name], fixed(1 - low < 0.1 ? 3 : 2)), rule: 1 },
  });
}
