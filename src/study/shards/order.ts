/**
 * Orders, divided: a profile by samples; losses by candidates, of a greedy search round by round; an iterative search by the samples of each
 * round. What is measured in one pass over weights or angles is one unit.
 */
import type { DropOrder } from "../../result/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { bytesOf, flopsOf, type Pass } from "../estimate.ts";
import { CALIBRATION_TEXT, textOptions } from "../options.ts";
import { candidatesOf, dropOfEntries } from "../orders/candidates.ts";
import type { Entry } from "../orders/constraints.ts";
import { openLosses } from "../orders/losses.ts";
import { order, type OrderOptions, passesOf, requestOf } from "../orders/order.ts";
import { isOpen } from "../orders/search.ts";
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
  if ((by === "importance" || by === "magnitude") && target !== "consecutive") {
    return [profileStage(model, packed, noDrop)];
  }
  const rounds = Array.from({ length: upto }, (_, round) => round);
  if (by === "greedy") return rounds.map((round) => lossStage(model, packed, options, round));
  if (by === "iterative") return rounds.map((round) => iterativeStage(model, packed, options, round));
  if (by === "loss" || by === "kl") return [lossStage(model, packed, options, 0)];
  return [wholeStage(model, options)];
}

/** An order that is not divided. */
function wholeStage(model: StudyModel, options: OrderOptions): Stage {
  const passes = passesOf(model, requestOf(model, options), textOptions(options, ""));
  return {
    unit: "orders",
    costs: [flopsOf(model, passes)],
    bytes: () => bytesOf(model, passes),
    async run(_, told) {
      await order(model, { ...options, ...told });
    },
  };
}

/** What a search has dropped before a round, from what earlier rounds have kept. */
async function takenBefore(
  model: StudyModel,
  options: OrderOptions,
  round: number,
  told: ShardOptions,
): Promise<DropOrder["order"]> {
  if (round === 0) return [];
  return (await order(model, { ...options, ...await keptOnly(told), upto: round })).order;
}

/** A round of losses: each candidate a unit; those that may not be dropped any more take no time. */
function lossStage(model: StudyModel, packed: Packed, options: OrderOptions, round: number): Stage {
  const { spec } = model;
  const { by, target, upto, constraints } = requestOf(model, options);
  const entries = candidatesOf(spec, target, upto);
  const pass = (plans: readonly DropPlan[]): Pass[] => [{ ...packed.packing, plans, head: true }];
  const plan = (entry: Entry) => dropOfEntries(spec, [entry]);
  return {
    unit: "candidates",
    costs: entries.map((entry) => flopsOf(model, pass([plan(entry)]))),
    bytes: ({ from, to }) => bytesOf(model, pass(entries.slice(from, to).map(plan))),
    async run({ from, to }, told) {
      const taken = await takenBefore(model, options, round, told);
      const open = entries.slice(from, to).filter((entry) =>
        by !== "greedy" || isOpen(entry, taken, spec.layers.length, constraints)
      );
      const plans = open.map((entry) => dropOfEntries(spec, [...taken, entry]));
      const full = round === 0 && from === 0 ? [noDrop] : [];
      if (plans.length + full.length === 0) return;
      const losses = openLosses(model, packed, by === "kl" ? "divergence" : "loss", told);
      try {
        await losses.of([...full, ...plans], told);
      } finally {
        losses.free();
      }
    },
  };
}

/** A round of an iterative search: a profile of the model without what was dropped before. */
function iterativeStage(model: StudyModel, packed: Packed, options: OrderOptions, round: number): Stage {
  const stageOf = async (told: ShardOptions) => {
    const taken = await takenBefore(model, options, round, told);
    return profileStage(model, packed, dropOfEntries(model.spec, taken));
  };
  return {
    ...profileStage(model, packed, noDrop),
    run: async (span: Span, told) => await (await stageOf(told)).run(span, told),
    join: async (spans, told) => await (await stageOf(told)).join!(spans, told),
  };
}
