/** The study of causes, divided by batches: first what the full model and single drops show, then smoothing, whose drops follow from it. */
import { type Causes, head, keep, keptResult, planData, type Rows } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { assemble, profileIn, smoothingPlans } from "../causes/assemble.ts";
import { type CausesOptions, originOf, passesOf, type Subject, subjectOf } from "../causes/causes.ts";
import { effectsRows, sinkRows, smoothingRows, someOf, wholeRows } from "../causes/runs.ts";
import { bytesOf, flopsOf, type Pass } from "../estimate.ts";
import { batchesOf, type Division, type ShardOptions, type Span, type Stage } from "./division.ts";
import { NotKept, recordedEngine } from "./recorded.ts";

/** The parts of the study in the order of its passes. */
const PARTS = ["whole", "sink", "smoothing", "effects"] as const satisfies readonly Rows["of"][];
/** Which of them each stage measures. */
const STAGES = [["whole", "sink", "effects"], ["smoothing"]] as const satisfies readonly Rows["of"][][];
/** For what a plan depends on, no engine is asked. */
const planning = recordedEngine({ engine: "cpu", runtime: "", dtype: "float32" });

/** Samples of a part of the study. */
interface Piece extends Span {
  readonly of: Rows["of"];
}

/** A study on what computes it. */
interface Opened {
  readonly subject: Subject;
  readonly origin: Causes["provenance"];
}

/** `causes`, divided. */
export async function causesShards(model: StudyModel, options: CausesOptions): Promise<Division> {
  const planned = await subjectOf(model, { ...options, engine: planning });
  const { model: identity, tokenizer, text, packing, causes } = originOf(planned, options);
  const passes = passesOf(model.spec, planned.blocks, causes.effects?.samples ?? 0);
  const passOf = (of: Piece["of"]): Pass | undefined => passes[PARTS.indexOf(of)];
  const open = async (told: ShardOptions): Promise<Opened> => {
    const subject = await subjectOf(model, { ...options, ...told });
    return { subject, origin: originOf(subject, options) };
  };
  const wholeOf = (of: Piece["of"]): Piece => ({ of, from: 0, to: passOf(of)?.samples ?? 0 });

  const stages = STAGES.map((parts, s): Stage => {
    const units = parts.flatMap((of) => batchesIn(of, passOf(of)));
    const passesIn = (some: readonly Piece[]) =>
      some.map(({ of, from, to }): Pass => ({ ...passOf(of)!, samples: to - from }));
    return {
      unit: s === 0 ? "batches" : "batches under drops",
      costs: units.map((unit) => flopsOf(model, passesIn([unit]))),
      bytes: ({ from, to }) => bytesOf(model, passesIn(joined(units.slice(from, to)))),
      async run({ from, to }, told) {
        const opened = await open(told);
        const plans = s === 0 ? [] : await plansOf(opened, wholeOf("whole"), told);
        for (const piece of joined(units.slice(from, to))) await measured(opened, piece, plans, told);
      },
      async join(spans, told) {
        const opened = await open(told);
        const plans = s === 0 ? [] : await plansOf(opened, wholeOf("whole"), told);
        const pieces = spans.flatMap(({ from, to }) => joined(units.slice(from, to)));
        for (const of of parts) {
          const own = pieces.filter((piece) => piece.of === of);
          if (own.length > 0) await keepTogether(opened, own, wholeOf(of), plans, told);
        }
        if (s === 1) await keepResult(opened, PARTS.map(wholeOf), plans, told);
      },
    };
  });
  return {
    label: `causes in ${model.name}`,
    model: model.identity,
    depends: { model: identity, tokenizer, text, packing, causes },
    stages,
  };
}

/** The batches of a part; none of one that is not measured. */
function batchesIn(of: Piece["of"], pass: Pass | undefined): Piece[] {
  if (!pass) return [];
  const batches = batchesOf(pass);
  return Array.from(
    { length: batches.count },
    (_, batch) => ({ of, ...batches.samplesOf({ from: batch, to: batch + 1 }) }),
  );
}

/** Consecutive batches of a part as one piece: they are one run. */
function joined(units: readonly Piece[]): Piece[] {
  return [...Map.groupBy(units, ({ of }) => of)].map(([of, own]) => ({
    of,
    from: own[0].from,
    to: own.at(-1)!.to,
  }));
}

const NOTHING = { whole: [], sink: [], effects: [], smoothing: [] };

/** The rows of a piece: those that are kept, or what is measured now and kept. */
async function measured(
  { subject, origin }: Opened,
  piece: Piece,
  plans: readonly DropPlan[],
  told: ShardOptions,
): Promise<void> {
  const key = keyOf(origin, piece, plans);
  if (await keptResult("rows", key, told)) return;
  const { blocks, sinkBlocks } = subject;
  const { queryStride: stride, effects } = origin.causes;
  const { of, ...span } = piece;
  const made: Partial<Rows> = of === "whole"
    ? { whole: await wholeRows(subject, someOf(blocks, span), { stride, first: span.from === 0 }) }
    : of === "sink"
    ? { sink: await sinkRows(subject, someOf(sinkBlocks, span)) }
    : of === "effects"
    ? { effects: await effectsRows(subject, someOf(blocks, { ...span, length: effects!.length })) }
    : { smoothing: await smoothingRows(subject, someOf(blocks, span), plans) };
  await keepRows(origin, piece, plans, made, told);
}

function keyOf(origin: Causes["provenance"], piece: Piece, plans: readonly DropPlan[]) {
  return { ...origin, ...piece, plans: listsOf(plans) };
}

function listsOf(plans: readonly DropPlan[]): Rows["plans"] {
  return plans.map(planData);
}

async function keepRows(
  origin: Causes["provenance"],
  piece: Piece,
  plans: readonly DropPlan[],
  made: Partial<Rows>,
  told: ShardOptions,
): Promise<void> {
  const rows: Rows = {
    ...head("rows"),
    provenance: origin,
    ...piece,
    plans: listsOf(plans),
    ...NOTHING,
    ...made,
  };
  await keep("rows", keyOf(origin, piece, plans), rows, told);
}

async function keptRows(
  origin: Causes["provenance"],
  piece: Piece,
  plans: readonly DropPlan[],
  told: ShardOptions,
): Promise<Rows> {
  const rows = await keptResult("rows", keyOf(origin, piece, plans), told);
  if (rows) return rows;
  throw new NotKept(`samples ${piece.from} to ${piece.to - 1} of part "${piece.of}" are missing`);
}

/** Makes one of the pieces of a part. */
async function keepTogether(
  { origin }: Opened,
  pieces: readonly Piece[],
  whole: Piece,
  plans: readonly DropPlan[],
  told: ShardOptions,
): Promise<void> {
  const rows: Rows[] = [];
  for (const piece of pieces) rows.push(await keptRows(origin, piece, plans, told));
  const all = { [whole.of]: rows.flatMap((own): unknown[] => own[whole.of]) };
  await keepRows(origin, whole, plans, all, told);
}

/** The plans under which smoothing is measured. */
async function plansOf({ origin }: Opened, whole: Piece, told: ShardOptions): Promise<DropPlan[]> {
  const { whole: rows } = await keptRows(origin, whole, [], told);
  return smoothingPlans(profileIn(origin, rows), origin.causes.drops);
}

/** Makes the study's result of all rows. */
async function keepResult(
  { subject, origin }: Opened,
  parts: readonly Piece[],
  plans: readonly DropPlan[],
  told: ShardOptions,
): Promise<void> {
  const all = { ...NOTHING };
  for (const part of parts.filter(({ to }) => to > 0)) {
    const rows = await keptRows(origin, part, part.of === "smoothing" ? plans : [], told);
    Object.assign(all, { [part.of]: rows[part.of] });
  }
  await keep("causes", origin, assemble(subject.model.spec, origin, all), told);
}
