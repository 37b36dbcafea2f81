/**
 * Orders, divided as what they measure can be: a profile by samples, losses by candidates, of a search round by round. What is
 * measured in one pass over weights or angles is one unit.
 */
import type { DropOrder } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { bytesOf, flopsOf } from "../estimate.ts";
import { CALIBRATION_TEXT, provenance, textOptions } from "../options.ts";
import { openBeside } from "../orders/constraints.ts";
import { order } from "../orders/order.ts";
import { type OrderOptions, passesOf, requestOf } from "../orders/request.ts";
import { candidatesOf, dropOfEntries, type Entry } from "../scores/candidates.ts";
import { scores } from "../scores/mod.ts";
import { readingFor } from "../scores/score.ts";
import type { Division, ShardOptions, Span, Stage } from "./division.ts";
import { dependsOn, packedFor, profileStage } from "./profile.ts";
import { keptOnly } from "./recorded.ts";

/** `order`, divided. */
export async function orderShards(model: StudyModel, options: OrderOptions): Promise<Division> {
  const packed = await packedFor(model, options, CALIBRATION_TEXT);
  return {
    label: `order of ${model.name}`,
    model: model.identity,
    depends: { ...await dependsOn(model, packed), order: requestOf(model, options) },
    stages: orderStages(model, packed, options),
  };
}

/** The stages of an order over a text. */
export function orderStages(model: StudyModel, packed: Packed, options: OrderOptions): Stage[] {
  const { by, target, upto } = requestOf(model, options);
  const { from: { unit } } = readingFor(scores[by], target);
  if (!unit) return [wholeStage(model, options)];
  const stageOf = unit === "samples" ? sampledStage : candidateStage;
  const rounds = Array.from({ length: scores[by].again ? upto : 1 }, (_, round) => round);
  return rounds.map((round) => stageOf(model, packed, options, round));
}

/** An order that is not divided. */
function wholeStage(model: StudyModel, options: OrderOptions): Stage {
  const passes = passesOf(model, requestOf(model, options), textOptions(options, ""));
  return {
    unit: "orders",
    costs: [flopsOf(model, passes)],
    bytes: () => bytesOf(model, passes),
    async run(_, shard) {
      await order(model, { ...options, ...shard });
    },
  };
}

/** The drops that a search has made before a round, which earlier rounds have kept. */
async function takenBefore(
  model: StudyModel,
  options: OrderOptions,
  round: number,
  shard: ShardOptions,
): Promise<DropOrder["order"]> {
  if (round === 0) return [];
  return (await order(model, { ...options, ...await keptOnly(shard), upto: round })).order;
}

/** A round over candidates, each a unit; those that may not be dropped any more take no time. */
function candidateStage(model: StudyModel, packed: Packed, options: OrderOptions, round: number): Stage {
  const { by, target, upto, constraints } = requestOf(model, options);
  const { from } = readingFor(scores[by], target);
  const { layers } = model.spec;
  const entries = candidatesOf(model.spec, target, upto);
  const passes = (open: readonly Entry[]) =>
    from.passes(model.spec, { open, taken: [], nll: 0 }, packed.packing);
  return {
    unit: "candidates",
    costs: entries.map((entry) => flopsOf(model, passes([entry]))),
    bytes: (span) => bytesOf(model, passes(entries.slice(span.from, span.to))),
    async run(span, shard) {
      const own = entries.slice(span.from, span.to);
      const taken = await takenBefore(model, options, round, shard);
      const open = scores[by].again ? openBeside(own, taken, layers.length, constraints) : own;
      // The first shard of the first round measures the full model; the others need no loss of it.
      const nll = round === 0 && span.from === 0 ? null : 0;
      const ground = { model, packed, provenance: await provenance(model, packed, noDrop, shard) };
      await from.measure(ground, { open, taken, nll }, shard);
    },
  };
}

/** A round over samples: a profile of the model without what was dropped before. */
function sampledStage(model: StudyModel, packed: Packed, options: OrderOptions, round: number): Stage {
  const stageOf = async (shard: ShardOptions) => {
    const taken = await takenBefore(model, options, round, shard);
    return profileStage(model, packed, dropOfEntries(model.spec, taken));
  };
  return {
    ...profileStage(model, packed, noDrop),
    run: async (span: Span, shard) => await (await stageOf(shard)).run(span, shard),
    join: async (spans, shard) => await (await stageOf(shard)).join!(spans, shard),
  };
}
