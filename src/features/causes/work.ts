/** The study of causes in stages: the full model, the sink rate, single drops, and smoothing, whose drops follow from them. */
import { type Checks, eachOf, filled, inParts, option, wholeNumber } from "core/entry/mod.ts";
import { type LayerModule, MODULES } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { type Causes, causesKind, type Rows, rowsKind } from "./result.ts";
import { head, keep, keptOr, keptResult, planData } from "core/result/mod.ts";
import { type Blocks, type DropPlan, noDrop } from "core/run/mod.ts";
import { flopsOf, type Pass } from "core/study/estimate.ts";
import { batchesOf, divided, inTurn, type Span, type Step } from "core/study/stage.ts";
import type { Work } from "core/study/study.ts";
import type { Text } from "core/study/text.ts";
import { type AllRows, assemble, profileIn, smoothingPlans } from "./assemble.ts";
import { provenance, type RunOptions, type StudyOptions } from "core/study/options.ts";
import type { PlanLike } from "core/study/plan.ts";
import type { Subject as OverSubject } from "core/study/over.ts";
import { effectsRows, sinkRows, smoothingRows, someOf, wholeRows } from "./runs.ts";

/** Options of `causes`. */
export interface CausesOptions extends StudyOptions {
  /** Modules to drop from the measured model, or a plan; default: none. */
  readonly drop?: PlanLike | undefined;
  /** Use every k-th query for the attention patterns; default: 1, all of them. */
  readonly queryStride?: number | undefined;
  /** Number of samples for the effects on later layers; default: 2; 0 skips them. */
  readonly effectSamples?: number | undefined;
}

/** Checks of the options that other studies do not have. */
export const measureChecks: Checks<Pick<CausesOptions, "queryStride" | "effectSamples">> = {
  queryStride: option(wholeNumber(1), "<k> compute attention patterns from every k-th query", 1),
  effectSamples: option(
    wholeNumber(0),
    "<n> samples for the effect of each drop on later layers (about one pass per layer); 0 skips it",
    2,
  ),
};

/** A model as a plan has changed it, over texts. */
interface Subject {
  readonly label: string;
  readonly model: OverSubject;
  readonly drop: DropPlan;
  readonly text: Text;
  /** Blocks of the published length, for the sink rate. */
  readonly sink: Text;
}

/** How many modules are dropped when smoothing is measured under drops. */
const DROPS = [4, 8];
/** The published setting of the sink rate. */
const SINK = { samples: 100, length: 64, threshold: 0.3 };
/** Tokens per sample for the effects on later layers. */
const EFFECT_LENGTH = 256;

type Settings = Causes["provenance"]["causes"];
type Sizes = Text["sizes"];

const STAGES: readonly { readonly unit: string; readonly parts: readonly Rows["of"][] }[] = [
  { unit: "batches", parts: ["whole", "sink", "effects"] },
  { unit: "batches under drops", parts: ["smoothing"] },
];
const PARTS = STAGES.flatMap(({ parts }) => parts);
const NOTHING: AllRows = { whole: [], sink: [], effects: [], smoothing: [] };

interface Piece extends Span {
  readonly of: Rows["of"];
}

/** As many blocks of the published length as make about as much text, at most the published number. */
export function sinkSizes({ samples, length }: Sizes): Sizes {
  const fitting = Math.floor(samples * length / SINK.length);
  return { samples: Math.max(1, Math.min(SINK.samples, fitting)), length: SINK.length };
}

export function causesWork(subject: Subject, measures: CausesOptions): Work<Causes> {
  const { label, model, text, sink, drop } = subject;
  const settings = settingsOf(model.spec, text.sizes, measures);
  const passes = passesOf(model.spec, text.sizes, settings);
  const originOf = async (options: RunOptions) => {
    const reports = inParts(label, { packing: 0, running: 1 }, options).packing;
    await sink.pack(reports);
    return { ...await provenance(model, await text.pack(reports), drop, options), causes: settings };
  };
  const plansOf = async (options: RunOptions): Promise<DropPlan[]> => {
    const { whole } = await first.whole(options);
    return smoothingPlans(profileIn(model.spec, await originOf(options), whole), settings.drops);
  };
  const [first, second] = STAGES.map((own) => rowsStep(subject, passes, own, originOf, plansOf));
  return {
    ...{ label, model, text },
    steps: [first, second],
    kept: async (options) => await keptResult(causesKind, await originOf(options), options),
    async result(options) {
      const rows = { ...await first.whole(options), smoothing: (await second.whole(options)).smoothing };
      return await keep(causesKind, assemble(model.spec, await originOf(options), rows), options);
    },
  };
}

/** All that the numbers depend on besides the model and its text. */
export function settingsOf(spec: ModelSpec, sizes: Sizes, measures: CausesOptions): Settings {
  const { samples, length } = sizes;
  const { queryStride, effectSamples } = filled(measureChecks, measures);
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

/** The pass of each part of the study that is measured; the deepest modules stand for the least important. */
function passesOf(
  spec: ModelSpec,
  sizes: Sizes,
  { drops, sink, effects }: Settings,
): { readonly [Of in Rows["of"]]?: Pass } {
  const layers = spec.layers.map((_, l) => l);
  const under = (lists: readonly number[][]): DropPlan[] => [
    noDrop,
    ...lists.flatMap((list) => MODULES.map((kind: LayerModule) => ({ ...noDrop, [kind]: list }))),
  ];
  const pass = ({ samples, length }: Sizes, plans: readonly DropPlan[]): Pass => (
    { plans, head: false, samples, length }
  );
  return {
    whole: pass(sizes, [noDrop]),
    sink: pass(sink, [noDrop]),
    smoothing: pass(sizes, under(drops.filter((n) => n > 0).map((n) => layers.slice(-n)))),
    ...effects ? { effects: pass(effects, under(layers.map((l) => [l]))) } : {},
  };
}

/** A step of some parts of the study: its units are batches of each, and consecutive ones are one run. */
function rowsStep(
  subject: Subject,
  passes: ReturnType<typeof passesOf>,
  { unit, parts }: typeof STAGES[number],
  originOf: (options: RunOptions) => Promise<Causes["provenance"]>,
  plansOf: (options: RunOptions) => Promise<DropPlan[]>,
): Step<AllRows> {
  const { label, model } = subject;
  const units = parts.flatMap((of) => batchesIn(of, passes[of]));
  const piecesIn = ({ from, to }: Span) => joined(units.slice(from, to));
  const passOf = ({ of, from, to }: Piece): Pass => ({ ...passes[of]!, samples: to - from });
  return divided<AllRows>(model, {
    unit,
    units: units.length,
    passes: (span) => piecesIn(span).map(passOf),
    async run(span, options) {
      const provenance = await originOf(options);
      const drops = parts.includes("smoothing") ? await plansOf(options) : [];
      const plans = drops.map(planData);
      const weight = (piece: Piece) => flopsOf(model, [passOf(piece)]);
      const found = await inTurn(piecesIn(span), options, async (piece, options) => {
        const compute = async (): Promise<Rows> => ({
          ...{ ...head(rowsKind), provenance, ...piece, plans, ...NOTHING },
          ...await measured(subject, provenance, piece, drops, options),
        });
        return (await keptOr(
          rowsKind,
          { ...provenance, ...piece, plans } as Rows["provenance"],
          compute,
          options,
        ))
          .result;
      }, { label, weight });
      return together(found);
    },
    join: (rows) => Promise.resolve(together(rows)),
    apart: true,
  });
}

/** The batches of a part; an empty list for one that is not measured. */
function batchesIn(of: Piece["of"], pass: Pass | undefined): Piece[] {
  if (!pass) return [];
  const batches = batchesOf(pass);
  const pieceOf = (batch: number) => ({ of, ...batches.samplesOf({ from: batch, to: batch + 1 }) });
  return Array.from({ length: batches.count }, (_, batch) => pieceOf(batch));
}

/** Consecutive batches of a part as one piece. */
function joined(units: readonly Piece[]): Piece[] {
  const byPart = [...Map.groupBy(units, ({ of }) => of)];
  return byPart.map(([of, own]) => ({ of, from: own[0].from, to: own.at(-1)!.to }));
}

function together(pieces: readonly AllRows[]): AllRows {
  return eachOf(PARTS, (part) => pieces.flatMap((own): unknown[] => own[part] ?? [])) as AllRows;
}

async function measured(
  { model, text, sink }: Subject,
  { causes: { queryStride: stride, effects } }: Causes["provenance"],
  { of, ...span }: Piece,
  plans: readonly DropPlan[],
  options: RunOptions,
): Promise<Partial<AllRows>> {
  const running = { model, options };
  const some = async (from: Text, length?: Partial<Pick<Blocks, "length">>) =>
    someOf((await from.pack(options)).blocks, { ...span, ...length });
  switch (of) {
    case "whole":
      return { whole: await wholeRows(running, await some(text), { stride, first: span.from === 0 }) };
    case "sink":
      return { sink: await sinkRows(running, await some(sink)) };
    case "effects":
      return { effects: await effectsRows(running, await some(text, { length: effects!.length })) };
    case "smoothing":
      return { smoothing: await smoothingRows(running, await some(text), plans) };
  }
}
