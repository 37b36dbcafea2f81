import { list, plain, resultOf } from "core/entry/mod.ts";
import { EFFECTIVE } from "./measures.ts";
import type { Depth } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { linearAxis, withZero } from "core/show/chart/draw/axes.ts";
import { hueOf } from "core/show/chart/draw/colors.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import { type Group, lineChart, upFrom } from "core/show/chart/plots.ts";
import { namesOf } from "core/show/words/names.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { depthRows, depthText, EFFECTIVE_WORDS } from "./table.ts";
import { capital, counted, type Finding, formatFixed, reading, settingsOf } from "core/show/words/mod.ts";

const ANGLES = { step: "θ", turn: "φ", left: "ψ" } as const;

/**
 * Draws the path of the stream over the depth of one or more models, a row of panels each: angles on the left, the KL of each layer's lens
 * from the final prediction on the right, plain and through the last layer, with 95 % intervals over the samples.
 */
export const depthFigure: Draw<[readonly Depth[]]> = figure("depth", {
  results: list(resultOf("depth"), "results", 1),
}, (results) => ({
  rows: results.flatMap(depthRows),
  title: finding(results),
  shows: [
    "Left: angles between the streams before and after a layer (θ), between its update and the next one (φ), and to the",
    "last stream (ψ). Right: KL from the final prediction to the one behind each layer (plain), and to the one of a stream that passes",
    "the last layer again before the norm and head (again). Bands: 95 % intervals over the samples.",
    "Layer l of L ends at depth (l + 1)/L.",
  ],
  setting: settingsOf(results.map(({ provenance }) => provenance)),
  reads: results.map((result, i) =>
    reading`${namesOf(results)[i]}: ${
      EFFECTIVE.map((name) => `${EFFECTIVE_WORDS[name]} at ${depthText(result, name)}`)
    }.`
  ),
  panels: results.flatMap((result, i) => panelsOf(result, plain(namesOf(results)[i]))),
}));

/** Where the lens comes near: of several models from the lowest to the highest end of their intervals. Those without one stay open. */
function finding(results: readonly Depth[]): Finding {
  const near = EFFECTIVE_WORDS.kl;
  const found = results.filter(({ effective: { kl } }) => kl && kl.low !== null);
  const ends = found.flatMap(({ effective: { kl } }) => [kl!.low!, kl!.high!]);
  const [from, to] = [Math.min(...ends), Math.max(...ends)].map((end) => formatFixed(end, 2));
  const several = results.length > 1;
  const within = several ? ` in ${counted(found.length, "model")}` : "";
  const open = results.length - found.length;
  return {
    found: found.length > 0 &&
      `${capital(near)} at depth ${
        several ? (from === to ? from : `${from} to ${to}`) : depthText(found[0], "kl")
      }${within}`,
    open: open > 0 &&
      (found.length > 0
        ? `in ${open}`
        : `at which depth ${near}${several ? ` in ${counted(open, "model")}` : ""}`),
  };
}

function panelsOf(result: Depth, name: string): Panel[] {
  const rows = depthRows(result);
  const group = (name: string, label: string, i: number): Group<CsvRow> => ({
    ...hueOf(i),
    label,
    band: true,
    rows: rows.filter(({ measure, value }) => measure === name && value !== null),
  });
  const across = { ...linearAxis([0, 1.02], "relative depth", String), ticks: [0, 0.25, 0.5, 0.75, 1] };
  const margins = { marginRight: 36 };
  const shared = { part: 0.5, margins, height: 300, across, ends: ["low", "high"] as const, r: 2.5 };
  const angles = Object.entries(ANGLES).map(([name, label], i) => group(name, label, i));
  return [
    lineChart(angles, "relative_depth", "value", {
      ...shared,
      headings: [{ text: name, small: true }],
      up: (ends) => linearAxis(withZero(ends), "angle, degrees", String),
    }),
    lineChart([group("kl", "plain", 3), group("again", "again", 4)], "relative_depth", "value", {
      ...shared,
      margins: { marginRight: 64 },
      headings: [{ text: "lens", small: true }],
      up: upFrom("KL, nats"),
    }),
  ];
}
