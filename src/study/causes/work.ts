/**
 * The work of the study of causes, in stages: what the full model, the sink rate and single drops show; smoothing, whose drops follow from
 * that; and, if it is wanted, predictability, which is added to a result without it that an earlier run kept.
 */
import { type Checks, eachOf, filled, option, wholeNumber } from "../../entry/mod.ts";
import { type LayerModule, MODULES } from "../../measure/mod.ts";
import type { Model, ModelSpec } from "../../models/mod.ts";
import {
  type Causes,
  head,
  isEarlier,
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
import { type Step, step, stepOf, type Work } from "../base/study.ts";
import type { Text } from "../base/text.ts";
import { type AllRows, assemble, profileIn, smoothingPlans, withPredictability } from "./assemble.ts";
import { heldOutOf } from "../base/pass.ts";
import { type RunOptions, tellReused } from "../base/options.ts";
import { isEnough, predictabilityBytes, predictabilityRow } from "./predictability.ts";
import { effectsRows, messagesRows, sinkRows, smoothingRows, someOf, wholeRows } from "./runs.ts";

/** Options of the study of causes that other studies do not have. */
export interface CausesMeasures {
  /** Use every k-th query for the attention patterns; default: 1, all of them. */
  readonly queryStride?: number | undefined;
  /** Number of samples for the effects on later layers; default: 2; 0 skips them. */
  readonly effectSamples?: number | undefined;
  /**
   * Number of samples for the shares of each update that are its mean, a linear function of its own token, and the rest; the last
   * quarter measures them. Default: 0, which skips them. The other three quarters need as many tokens as the model's hidden size, or
   * the shares are null; with fewer than ten times that, the share of the own token is too low.
   */
  readonly predictabilitySamples?: number | undefined;
  /**
   * Number of samples for the share of each attention's update that is the message of its own token, A_tt v_t behind the output projection,
   * at every eighth query. Default: 0, which skips it.
   */
  readonly messageSamples?: number | undefined;
}

/** Checks of these options. */
export const measureChecks: Checks<CausesMeasures> = {
  queryStride: option(wholeNumber(1), "<k> compute attention patterns from every k-th query", 1),
  effectSamples: option(
    wholeNumber(0),
    "<n> samples for the effect of each drop on later layers (about one pass per layer); 0 skips it",
    2,
  ),
  predictabilitySamples: option(
    wholeNumber(0),
    "<n> samples for the share of each update that a linear function of its own token gives; 0 skips it",
    0,
  ),
  messageSamples: option(
    wholeNumber(0),
    "<n> samples for the share of each attention's update that is the message of its own token; 0 skips it",
    0,
  ),
};

/** A model over texts, and where its numbers come from. */
interface Subject {
  readonly label: string;
  readonly model: Model & Pick<Work<Causes>["model"], "identity">;
  readonly text: Text;
  /** Blocks of the published length, for the sink rate. */
  readonly sink: Text;
  /** The samples for predictability; null if it is not measured. */
  readonly predictability: Text | null;
  origin(options: RunOptions): Promise<Provenance>;
}

/** How many modules are dropped when smoothing is measured under drops. */
const DROPS = [4, 8];
/** The published setting of the sink rate. */
const SINK = { samples: 100, length: 64, threshold: 0.3 };
/** Tokens per sample for the effects on later layers. */
const EFFECT_LENGTH = 256;
/** Every k-th query shows its own message. */
const MESSAGE_STRIDE = 8;

type Settings = Causes["provenance"]["causes"];
type Sizes = Text["sizes"];

const STAGES: readonly { readonly unit: string; readonly parts: readonly Rows["of"][] }[] = [
  { unit: "batches", parts: ["whole", "sink", "effects", "messages"] },
  { unit: "batches under drops", parts: ["smoothing"] },
  { unit: "fits", parts: ["predictability"] },
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
  const { predictability, ...others } = settings;
  const originOf = async (options: RunOptions, causes = settings) => (
    { ...await subject.origin(options), causes }
  );
  const measuredParts = STAGES.filter(({ parts }) => parts.some((part) => passes[part]));
  const stages: Stage<AllRows>[] = measuredParts.map(({ unit, parts }) =>
    partsStage(model, passes, unit, parts, async (pieces, options) => {
      const plans = parts.includes("smoothing") ? await plansOf(options) : [];
      const origin = await originOf(options, parts.includes("predictability") ? settings : others);
      return await rowsOf(subject, origin, pieces, plans, options);
    })
  );
  const [first, second, third] = stages as [Stage<AllRows>, Stage<AllRows>, Stage<AllRows>?];
  const plansOf = async (options: RunOptions): Promise<DropPlan[]> => {
    const { whole } = await first.whole(options);
    return smoothingPlans(profileIn(model.spec, await originOf(options), whole), settings.drops);
  };
  /** The result without predictability, if that is wanted and an earlier run kept all else. */
  let known: Promise<Causes | null> | undefined;
  const knownOthers = (options: RunOptions) =>
    known ??= (async () => {
      const found = predictability && await keptResult("causes", await originOf(options, others), options);
      if (found && isEarlier(found)) tellReused(options, label, "all but predictability");
      return found ?? null;
    })();
  const stepOfPart = (stage: Stage<AllRows>, s: number): Step<unknown> => {
    const own = passesIn(measuredParts[s].parts, passes);
    if (stage === third) return stepOf(own, stage);
    return step(own, async (options) => await knownOthers(options) ?? await stage.whole(options), [stage]);
  };
  return {
    label,
    model,
    tokens: text.sizes.samples * text.sizes.length,
    steps: stages.map(stepOfPart),
    kept: async (options) => await keptResult("causes", await originOf(options), options),
    async result(options) {
      const origin = await originOf(options, others);
      let result = await knownOthers(options);
      if (!result) {
        const rows = { ...await first.whole(options), smoothing: (await second.whole(options)).smoothing };
        result = await keep(assemble(model.spec, origin, rows), options);
      }
      if (!predictability) return result;
      const [row] = (await third?.whole(options))?.predictability ?? [];
      const whole = await originOf(options);
      return await keep(withPredictability(model.spec, whole, result, row), options);
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
export function settingsOf(
  spec: ModelSpec,
  sizes: Sizes,
  measures: CausesMeasures,
): Settings {
  const { samples, length } = sizes;
  const { queryStride, effectSamples, predictabilitySamples, messageSamples } = filled(
    measureChecks,
    measures,
  );
  const heldOut = predictabilitySamples === 0 ? null : heldOutOf(predictabilitySamples);
  return {
    queryStride,
    drops: [0, ...DROPS.filter((n) => n < fewerModules(spec))],
    sink: { ...sinkSizes(sizes), threshold: SINK.threshold },
    effects: effectSamples === 0
      ? null
      : { samples: Math.min(effectSamples, samples), length: Math.min(EFFECT_LENGTH, length) },
    ...heldOut === null ? {} : { predictability: { samples: predictabilitySamples, length, heldOut } },
    ...messageSamples === 0
      ? {}
      : { messages: { samples: Math.min(messageSamples, samples), length, stride: MESSAGE_STRIDE } },
  };
}

function fewerModules({ layers }: ModelSpec): number {
  return Math.min(...MODULES.map((kind) => layers.filter((layer) => layer[kind]).length));
}

/** The pass of each part of the study that is measured; the deepest modules stand for the least important. */
function passesOf(
  spec: ModelSpec,
  sizes: Sizes,
  { drops, sink, effects, predictability, messages }: Settings,
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
    ...messages ? { messages: pass(messages, [noDrop]) } : {},
    ...predictability && isEnough(spec, predictability)
      ? { predictability: pass(predictability, [noDrop]) }
      : {},
  };
}

/** A stage of some parts of the study: its units are batches of each. */
function partsStage(
  model: Subject["model"],
  passes: ReturnType<typeof passesOf>,
  unit: string,
  parts: readonly Rows["of"][],
  measure: (pieces: readonly Piece[], options: RunOptions) => Promise<AllRows>,
): Stage<AllRows> {
  const units = parts.flatMap((of) => batchesIn(of, passes[of]));
  const passesOfPieces = (some: readonly Piece[]) =>
    some.map(({ of, from, to }): Pass => ({ ...passes[of]!, samples: to - from }));
  const own = ({ from, to }: Span) => joined(units.slice(from, to));
  return stage({
    unit,
    units: units.length,
    cost: (unit) => flopsOf(model, passesOfPieces([units[unit]])),
    bytes: (span) =>
      Math.max(
        ...own(span).map((piece) =>
          piece.of === "predictability"
            ? predictabilityBytes(model.spec, passes[piece.of]!)
            : bytesOf(model, passesOfPieces([piece]))
        ),
      ),
    run: (span, options) => measure(own(span), options),
    join: (rows) => Promise.resolve(together(rows)),
    apart: true,
  });
}

/** The batches of a part; an empty list for one that is not measured. Predictability is fitted on all of its samples at once. */
function batchesIn(of: Piece["of"], pass: Pass | undefined): Piece[] {
  if (!pass) return [];
  if (of === "predictability") return [{ of, from: 0, to: pass.samples }];
  const batches = batchesOf(pass);
  const pieceOf = (batch: number) => ({ of, ...batches.samplesOf({ from: batch, to: batch + 1 }) });
  return Array.from({ length: batches.count }, (_, batch) => pieceOf(batch));
}

/** Consecutive batches of a part as one piece: they are one run. */
function joined(units: readonly Piece[]): Piece[] {
  const byPart = [...Map.groupBy(units, ({ of }) => of)];
  return byPart.map(([of, own]) => ({ of, from: own[0].from, to: own.at(-1)!.to }));
}

async function rowsOf(
  subject: Subject,
  origin: Causes["provenance"],
  pieces: readonly Piece[],
  plans: readonly DropPlan[],
  options: RunOptions,
): Promise<AllRows> {
  const passes = passesOf(subject.model.spec, subject.text.sizes, origin.causes);
  const lists = plans.map(planData);
  const found = await inTurn(pieces, options, async (piece, own) => {
    const of = { ...piece, plans: lists };
    const compute = async () => {
      const made = await measured(subject, origin, piece, plans, own);
      return { ...head("rows"), provenance: origin, ...of, ...NOTHING, ...made };
    };
    return (await keptOr("rows", { ...origin, ...of }, compute, own)).result;
  }, {
    label: subject.label,
    weight: ({ of, from, to }) => flopsOf(subject.model, [{ ...passes[of]!, samples: to - from }]),
  });
  return together(found);
}

function together(pieces: readonly AllRows[]): AllRows {
  return eachOf(PARTS, (part) => pieces.flatMap((own): unknown[] => own[part] ?? [])) as AllRows;
}

async function measured(
  { model, text, sink, predictability }: Subject,
  { causes: { queryStride: stride, effects, predictability: fitted, messages } }: Causes["provenance"],
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
    case "messages":
      return { messages: await messagesRows(running, await some(text), messages!.stride) };
    case "smoothing":
      return { smoothing: await smoothingRows(running, await some(text), plans) };
    case "predictability": {
      const { blocks } = await predictability!.pack(options);
      return { predictability: [await predictabilityRow(running, blocks, fitted!.heldOut)] };
    }
  }
}
