/** Models in training: redundancy by step. */
import type { Checkpoints } from "./result.ts";
import { qualityBySteps, seriesText, trendsOf } from "./trends.ts";
import { formatNumber, KIND_NAMES } from "core/show/words/mod.ts";
import { KINDS, MODULES } from "core/measure/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { profileRows } from "../profile/mod.ts";
import { type Column, fixed, lines, type Table, tableOf } from "core/show/tables/table.ts";

export function checkpointTables(result: Checkpoints): Table[] {
  const { series } = result;
  const trends = KINDS.map((kind) => ({ name: KIND_NAMES[kind], trend: trendsOf(result, kind) }));
  const step: Column<number> = { title: "step", value: (i) => series[i].step };
  const column = (key: "median" | "first" | "drift" | "withLast", tag = "", format = formatNumber) =>
    trends.map(({ name, trend }): Column<number> => ({
      title: `${name}${tag}`,
      value: (i) => trend[i][key],
      format,
    }));
  const quality = qualityBySteps(result);
  const text = series.find((entry) => entry.quality)?.quality?.provenance.text.name;
  const perplexity = (nll: number) => formatNumber(Math.exp(nll));
  const steps = series.map((_, i) => i);
  return [
    lines(seriesText(result)),
    {
      title: "importance: median of the layers from 1 up, and layer 0",
      ...tableOf(steps, [step, ...column("median"), ...column("first", " 0")]),
    },
    {
      title:
        "movement of the layers from 1 up: mean |change| since the previous step, rank correlation with the last step",
      ...tableOf(steps, [step, ...column("drift"), ...column("withLast", " ~ last", fixed(2))]),
    },
    ...quality.length === 0 ? [] : [{
      title: `perplexity on ${text}, with half of the modules dropped by the step's importance`,
      ...tableOf(quality, [
        { title: "step", value: ({ step }) => step },
        { title: "full", value: ({ full }) => full, format: perplexity },
        ...KINDS.map((kind): Column<typeof quality[number]> => ({
          title: `${KIND_NAMES[kind]} halved`,
          value: (at) => at[kind].nll,
          format: perplexity,
        })),
      ]),
    }],
  ];
}

/** A row a step and module. */
export function checkpointRows({ series }: Checkpoints): CsvRow[] {
  return series.flatMap(({ step, ...profile }) => profileRows(profile).map((row) => ({ step, ...row })));
}

/** A row for each step of any of several series, for a page. */
export function medianTable(results: readonly Checkpoints[]): Table {
  const columns = results.flatMap((result) =>
    MODULES.map((kind) => ({ title: `${KIND_NAMES[kind]}, ${result.name}`, trends: trendsOf(result, kind) }))
  );
  const steps = [...new Set(columns.flatMap(({ trends }) => trends.map(({ step }) => step)))];
  return {
    title: "Median importance of the layers from 1 up, by step",
    ...tableOf(steps.sort((a, b) => a - b), [
      { title: "step", value: (step) => step },
      ...columns.map(({ title, trends }): Column<number> => ({
        title,
        value: (step) => trends.find((trend) => trend.step === step)?.median,
        format: formatNumber,
      })),
    ]),
  };
}
