/** The study of causes in stages: the full model, the sink rate, single drops, and smoothing, whose drops follow from them. */
import { type Checks, eachOf, filled, option, wholeNumber } from "../../entry/mod.ts";
import { type LayerModule, MODULES } from "../../measure/mod.ts";
import type { Model, ModelSpec } from "../../models/mod.ts";
import {
  type Causes,
  head,
  keep,
  keptOr,
  keptResult,
  planData,
  type Provenance,
  type Rows,
} from "../../result/mod.ts";
import { type Blocks, type DropPlan, noDrop } from "../../run/mod.ts";
import { bytesOf, flopsOf, type Pass } from "../base/estimate.ts";
import { batchesOf, inTurn, type Span, type Stage, stage } from "../base/stage.ts";
import { stepOf, type Work } from "../base/study.ts";
import type { Text } from "../base/text.ts";
import { type AllRows, assemble, profileIn, smoothingPlans } from "./assemble.ts";
import type { RunOptions } from "../base/options.ts";
import { effectsRows, sinkRows, smoothingRows, someOf, wholeRows } from "./runs.ts";

/** Options of the study of causes that other studies do not have. */
export interface CausesMeasures {
  /** Use every k-th query for the attention patterns; default: 1, all of them. */
  readonly queryStride?: number | undefined;
  /** Number of samples for the effects on later layers; default: 2; 0 skips them. */
  readonly effectSamples?: number | undefined;
}

/** Checks of these options. */
export const measureChecks: Checks<CausesMeasures> = {
  queryStride: option(wholeNumber(1), "<k> compute attention patterns from every k-th query", 1),
  effectSamples: option(
    wholeNumber(0),
    "<n> samples for the effect of each drop on later layers (about one pass per layer); 0 skips it",
    2,
  ),
};

/** A model over texts, and where its numbers come from. */
interface Subject {
  readonly label: string;
  readonly model: Model & Pick<Work<Causes>["model"], "identity">;
  readonly text: Text;
  /** Blocks of the published length, for the sink rate. */
  readonly sink: Text;
  origin(options: RunOptions): Promise<Provenance>;
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

export function causesWork(subject: Subject, measures: CausesMeasures): Work<Causes> {
  const { label, model, text } = subject;
  const settings = settingsOf(model.spec, text.sizes, measures);
  const passes = passesOf(model.spec, text.sizes, settings);
  const originOf = async (options: RunOptions) => ({ ...await subject.origin(options), causes: settings });
  const [first, second] = STAGES.map(({ unit, parts }) =>
    partsStage(subject, passes, unit, parts, async (options) => ({
      origin: await originOf(options),
      plans: parts.includes("smoothing") ? await plansOf(options) : [],
    }))
  );
  const plansOf = async (options: RunOptions): Promise<DropPlan[]> => {
    const { whole } = await first.whole(options);
    return smoothingPlans(profileIn(model.spec, await originOf(options), whole), settings.drops);
  };
  return {
    label,
    model,
    tokens: text.sizes.samples * text.sizes.length,
    steps: [first, second].map((stage, s) => stepOf(passesIn(STAGES[s].parts, passes), stage)),
    kept: async (options) => await keptResult("causes", await originOf(options), options),
    async result(options) {
      const rows = { ...await first.whole(options), smoothing: (await second.whole(options)).smoothing };
      return await keep(assemble(model.spec, await originOf(options), rows), options);
    },
  };
}

/** The passes that the study makes: its price. The statistics themselves take the smaller part of the time. */
export function causesPasses(spec: ModelSpec, sizes: Sizes, measures: CausesMeasures): Pass[] {
  const passes = passesOf(spec, sizes, settingsOf(spec, sizes, measures));
  return passesIn(PARTS, passes);
}

function passesIn(parts: readonly Rows["of"][], passes: ReturnType<typeof passesOf>): Pass[] {
  return parts.flatMap((part) => passes[part] ?? []);
}

/** All that the numbers depend on besides the model and its text. */
export function settingsOf(spec: ModelSpec, sizes: Sizes, measures: CausesMeasures): Settings {
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

/** A stage of some parts of the study: its units are batches of each. */
function partsStage(
  subject: Subject,
  passes: ReturnType<typeof passesOf>,
  unit: string,
  parts: readonly Rows["of"][],
  dependsOn: (options: RunOptions) => Promise<{ origin: Causes["provenance"]; plans: DropPlan[] }>,
): Stage<AllRows> {
  const { label, model } = subject;
  const units = parts.flatMap((of) => batchesIn(of, passes[of]));
  const own = ({ from, to }: Span) => joined(units.slice(from, to));
  const passOf = ({ of, from, to }: Piece): Pass => ({ ...passes[of]!, samples: to - from });
  const cost = (piece: Piece) => flopsOf(model, [passOf(piece)]);
  return stage({
    unit,
    units: units.length,
    cost: (unit) => cost(units[unit]),
    bytes: (span) => Math.max(...own(span).map((piece) => bytesOf(model, [passOf(piece)]))),
    async run(span, options) {
      const { origin, plans } = await dependsOn(options);
      const lists = plans.map(planData);
      const found = await inTurn(own(span), options, async (piece, options) => {
        const of = { ...piece, plans: lists };
        const compute = async () => {
          const made = await measured(subject, origin, piece, plans, options);
          return { ...head("rows"), provenance: origin, ...of, ...NOTHING, ...made };
        };
        return (await keptOr("rows", { ...origin, ...of }, compute, options)).result;
      }, { label, weight: cost });
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

/** Consecutive batches of a part as one piece: they are one run. */
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
