/** Plans scored on a text: each group of them runs as one trie, and the full model, which they are held against, beside the first. */
import { phased, sum } from "../../entry/mod.ts";
import { planHash } from "../../measure/mod.ts";
import { isEarlier, type Provenance } from "../../result/mod.ts";
import {
  type DropPlan,
  noDrop,
  openReference,
  type Probe,
  type Reference,
  reference,
  score,
  type ScoreSums,
  segmentsOf,
  withFull,
} from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { expectRoom, flopsOf, needOf } from "../base/estimate.ts";
import { engineOf, provenance, reporter, type StudyOptions, tellReused } from "../base/options.ts";

/** The full model's streams over a text, for several calls over the same text. */
export interface Shared {
  full?: Reference | undefined;
}

export function freeShared(shared: Shared): void {
  shared.full?.free();
  shared.full = undefined;
}

interface Scoring<R extends object> {
  readonly model: StudyModel;
  readonly packed: Packed;
  readonly groups: readonly (readonly DropPlan[])[];
  /** Whether plans are compared with the full model, token by token; default: true. */
  readonly isCompared?: boolean;
  /** Where the full model's streams stay, which the owner frees; by default, they are freed in the end. */
  readonly beside?: Shared | undefined;
  /** The study, if it says that results are used again. */
  readonly label?: string;
  /** The name of a group in reports. */
  nameOf(group: number): string;
  /** Observes a group, whose plans are then run though another group has them. */
  probesOf?(group: number): Probe[];
  /** A result of an earlier run. */
  find?(origin: Provenance): Promise<R | null>;
  made(sums: ScoreSums[], origin: Provenance, plan: DropPlan, group: number): Promise<R>;
}

/** The results of plans by group, as they are kept or made now; what an interrupted run has finished is kept by group. */
export async function scored<R extends object>(scoring: Scoring<R>, options: StudyOptions): Promise<R[][]> {
  const { model, packed, groups, isCompared = true, beside, label, probesOf } = scoring;
  const { samples, length } = packed.blocks;
  const keyOf = (plan: DropPlan, group: number) => probesOf ? `${group}` : planHash(plan);
  const [known, origins] = [new Map<string, R>(), new Map<string, Provenance>()];
  const distinct = groups.map((): DropPlan[] => []); // a plan counts in the first group that has it
  for (const [g, plans] of groups.entries()) {
    for (const plan of plans) {
      const key = keyOf(plan, g);
      if (origins.has(key)) continue;
      const origin = await provenance(model, packed, plan, options);
      origins.set(key, origin);
      distinct[g].push(plan);
      const found = await scoring.find?.(origin);
      if (found) known.set(key, found);
    }
  }
  const reused = [...known.values()].filter(isEarlier).length;
  if (label && reused > 0) tellReused(options, label, reused === 1 ? "1 result" : `${reused} results`);
  const lacking = distinct.map((plans, g) => plans.filter((plan) => !known.has(keyOf(plan, g))));
  const own: Shared = beside ?? {};
  // What a function changes is held against a run of the full model of its own.
  const first = isCompared && !probesOf && !own.full ? lacking.findIndex((plans) => plans.length > 0) : -1;
  const running = lacking.map((plans, g) => g === first ? withFull(plans) : plans);
  const passes = running.filter((plans) => plans.length > 0)
    .map((plans, i) => ({ plans, head: true, samples, length, stays: isCompared && i === 0 }));
  await expectRoom(needOf(model, passes), options);
  const price = (plans: readonly DropPlan[], head: boolean) =>
    plans.length > 0 ? flopsOf(model, [{ plans, head, samples, length }]) : 0;
  const [all, lacked] = [distinct, running].map((lists) => lists.map((plans) => price(plans, true)));
  const kept = Math.max(0, sum(all) - sum(lacked)); // is done when the rest begins
  const phase = phased(null, [kept, probesOf ? price([noDrop], false) : 0, ...lacked], options);
  const at = (name: string, unit: string, part: number) => reporter(name, unit, phase(part));
  const { signal } = options;
  const run = { model, engine: await engineOf(options), segments: segmentsOf(packed.blocks), signal };
  try {
    for (const [g, plans] of lacking.entries()) {
      if (plans.length === 0) continue;
      if (probesOf) own.full ??= await reference({ ...run, onProgress: at("full model", "modules", 1) });
      else if (isCompared) own.full ??= openReference();
      const report = twofold(at(scoring.nameOf(g), "work", 2 + g), price(running[g], false), lacked[g]);
      const probes = probesOf?.(g);
      const sums = await score({
        ...{ ...run, plans, reference: own.full },
        ...probes && { probes },
        ...report,
      });
      for (const [i, plan] of plans.entries()) {
        const key = keyOf(plan, g);
        known.set(key, await scoring.made(sums[i], origins.get(key)!, plan, g));
      }
    }
  } finally {
    if (!beside) freeShared(own);
  }
  return groups.map((plans, g) => plans.map((plan) => known.get(keyOf(plan, g))!));
}

/** One report on layers and head, which take turns where samples are many. */
function twofold(report: (done: number, total: number) => void, layers: number, all: number) {
  const done = [0, 0];
  const of = (part: number, weight: number) => (some: number, total: number) => {
    done[part] = weight * some / total;
    report(done[0] + done[1], all);
  };
  return { onProgress: of(0, layers), onScore: of(1, all - layers) };
}
