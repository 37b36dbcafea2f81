/** The parts of the study of causes: the full model, the sink rate, single drops, and smoothing under drops. */
import { eachOf, filled, type Of, option, wholeNumber } from "core/entry/mod.ts";
import { MODULES } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { type Causes, type Rows, rowsKind } from "./result.ts";
import { head, planData } from "core/result/mod.ts";
import type { DropPlan } from "core/run/mod.ts";
import type { Text } from "core/study/text.ts";
import type { AllRows } from "./assemble.ts";
import { type RunOptions, studyChecks } from "core/study/options.ts";
import type { Over } from "core/study/scope.ts";
import type { Running } from "core/study/over.ts";
import { aDrop } from "core/study/plan.ts";
import { effectsRows, sinkRows, smoothingRows, someOf, wholeRows } from "./runs.ts";

/** The checks of `CausesOptions`, option by option. */
export const causesChecks = {
  ...studyChecks,
  /** Modules to drop from the measured model, or a plan; default: none. */
  drop: aDrop,
  /** Use every k-th query for the attention patterns; default: 1, all of them. */
  queryStride: option(wholeNumber(1), "<k> compute attention patterns from every k-th query", 1),
  /** Number of samples for the effects on later layers; default: 2; 0 skips them. */
  effectSamples: option(
    wholeNumber(0),
    "<n> samples for the effect of each drop on later layers (about one pass per layer); 0 skips it",
    2,
  ),
};

/** Options of `causes`. */
export type CausesOptions = Of<typeof causesChecks>;

/** How many modules are dropped when smoothing is measured under drops. */
const DROPS = [4, 8];
/** The published setting of the sink rate. */
const SINK = { samples: 100, length: 64, threshold: 0.3 };
/** Tokens per sample for the effects on later layers. */
const EFFECT_LENGTH = 256;

type Settings = Causes["provenance"]["causes"];
type Sizes = Text["sizes"];

const PARTS = ["whole", "sink", "effects", "smoothing"] as const;
const NOTHING: AllRows = { whole: [], sink: [], effects: [], smoothing: [] };

/** As many blocks of the published length as make about as much text, at most the published number. */
export function sinkSizes({ samples, length }: Sizes): Sizes {
  const fitting = Math.floor(samples * length / SINK.length);
  return { samples: Math.max(1, Math.min(SINK.samples, fitting)), length: SINK.length };
}

/** All that the numbers depend on besides the model and its text. */
export function settingsOf(spec: ModelSpec, sizes: Sizes, measures: CausesOptions): Settings {
  const { samples, length } = sizes;
  const { queryStride, effectSamples } = filled(causesChecks, measures);
  return {
    queryStride,
    drops: [0, ...DROPS.filter((n) => n < fewerModules(spec))],
    sink: { ...sinkSizes(sizes), threshold: SINK.threshold },
    effects: effectSamples === 0
      ? null
      : { samples: Math.min(effectSamples, samples), length: Math.min(EFFECT_LENGTH, length) },
  };
}

function fewerModules({ layers }: ModelSpec): number {
  return Math.min(...MODULES.map((kind) => layers.filter((layer) => layer[kind]).length));
}

/** The first samples of a text, each cut to its first tokens. */
export function cutOf(text: Text, sizes: Sizes): Text {
  return {
    sizes,
    async pack(reports) {
      const { blocks, ...origin } = await text.pack(reports);
      const packing = { ...origin.packing, ...sizes };
      return {
        ...origin,
        packing,
        blocks: someOf(blocks, { from: 0, to: sizes.samples, length: sizes.length }),
      };
    },
  };
}

/** A part of the study: what its numbers depend on, and the plans that run together. */
export interface Part {
  readonly of: Rows["of"];
  readonly settings: Settings;
  readonly plans: readonly DropPlan[];
}

interface PartTypes {
  readonly request: Pick<Rows, "provenance" | "of" | "from" | "to" | "plans">;
  readonly sums: Partial<AllRows>;
  readonly result: Rows;
}

/** The rows of a part of the study, sample by sample. */
export const rowsOver: Over<Part, PartTypes> = {
  result: {
    kind: rowsKind,
    from: (request, rows) => ({ ...head(rowsKind), ...request, ...NOTHING, ...rows }),
    join: (parts) => eachOf(PARTS, (name) => parts.flatMap((rows): unknown[] => rows[name] ?? [])) as AllRows,
  },
  origin: ({ of, settings, plans }, _, span) => (
    { of, ...span, plans: of === "smoothing" ? plans.map(planData) : [], provenance: { causes: settings } }
  ),
  passes: (_, { plans }, size) => [{ ...size, plans, head: false }],
  measure: async (running, options) => [await measured(running, options)],
};

async function measured(
  { model, blocks, own: { of, settings, plans }, requests: [{ from }] }: Running<Part, PartTypes>,
  options: RunOptions,
): Promise<Partial<AllRows>> {
  const running = { model, options };
  switch (of) {
    case "whole":
      return { whole: await wholeRows(running, blocks, { stride: settings.queryStride, first: from === 0 }) };
    case "sink":
      return { sink: await sinkRows(running, blocks) };
    case "effects":
      return { effects: await effectsRows(running, blocks) };
    case "smoothing":
      return { smoothing: await smoothingRows(running, blocks, plans) };
  }
}
