import { type Check, like, list, resultOf } from "core/entry/mod.ts";
import { median, present } from "core/measure/mod.ts";
import { formatPercent, linearAxis, logAxis, logDomain } from "core/show/chart/draw/axes.ts";
import { hueOf } from "core/show/chart/draw/colors.ts";
import { lineChart } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { capital, formatShare, KIND_NAMES, reading } from "core/show/words/mod.ts";
import type { SpikeModule, Spikes } from "./result.ts";

const some = like("a result of spikes", (value) => (value as Partial<Spikes>)?.spikes?.length! > 0);
/** A whole result has its form; of numbers of one's own, only those that are drawn are needed. */
const shown: Check = (value, path) =>
  (value as Partial<Spikes>)?.kind === "spikes" ? resultOf("spikes")(value, path) : some(value, path);
const nameOf = ({ module, layer }: SpikeModule) => `${KIND_NAMES[module]} ${layer}`;

/** Draws spikes by layer, a row for each model: their size, and how much of it is one vector, the same everywhere, that draws attention. */
export const spikesFigure: Draw<[readonly Pick<Spikes, "model" | "spikes" | "written" | "taken">[]]> = figure(
  "spikes",
  { results: list(shown, "results of spikes", 1) },
  (all) => {
    const [{ written, taken }] = all;
    const takes = taken.share > 0 && reading`, ${nameOf(taken)} takes ${{ share: taken.share }} of it away`;
    const shares = all.map(({ written }) => formatShare(written.share));
    return {
      rows: all.flatMap(({ model, spikes }) => spikes.map((row) => ({ model, ...row }))),
      title: shares.length > 1
        ? reading`One module writes ${shares} of the largest value`
        : reading`${capital(nameOf(written))} writes ${shares} of the largest value${takes}`,
      shows: [
        "The largest |y| of each sample in the stream behind each layer, over the median. Right: the share of three channels in its token's",
        "squared length, the cosine of that token's vectors between samples, and the attention that it gets in the next layer.",
        "Medians over samples; bands: lowest to highest.",
      ],
      setting: all.map(({ model }) => model).join("; "),
      reads: all.map(({ model, spikes, written, taken }) => {
        const [adds, takes] = [written, taken].map((own) => reading`${nameOf(own)} in ${own.samples}`);
        const samples = 1 + Math.max(...spikes.map(({ sample }) => sample));
        return reading`${model}: of ${samples} samples, most is added by ${adds} and taken by ${takes}.`;
      }),
      panels: all.flatMap(panelsOf),
    };
  },
);

function panelsOf({ model, spikes }: Pick<Spikes, "model" | "spikes">) {
  const by = (column: "times" | "share" | "cosine" | "sink", label: string, i: number) => {
    const rows = [...Map.groupBy(spikes, ({ layer }) => layer)].flatMap(([layer, own]) => {
      const values = present(own.map((spike) => spike[column]));
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return values.length ? [{ layer, value: median(values)!, low, high }] : [];
    });
    return { label, ...hueOf(i), band: true, rows };
  };
  const shares = [by("share", "channels", 1), by("cosine", "cosine", 2), by("sink", "attention", 3)];
  const sides = { part: 0.5, height: 300, ends: ["low", "high"] as const, r: 2.5 };
  const [left, right] = [model, ""].map((text) => ({ ...sides, headings: [{ text, across: true }] }));
  const size = (ends: readonly number[]) => logAxis(logDomain(ends), "largest / median (log)");
  const share = { ...linearAxis([0, 1.02], "share", formatPercent), ticks: [0, 0.5, 1] };
  return [
    lineChart([by("times", "", 0)], "layer", "value", { ...left, keyed: true, up: size }),
    lineChart(shares, "layer", "value", { ...right, up: share }),
  ];
}
