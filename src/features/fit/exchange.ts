/**
 * A plan with one module, or one block, exchanged for another. An order ranks modules one by one, and cheap ones may be dear together. Plans
 * without one of its modules, and plans with one more, are measured; the exchanges that gain most by these costs are plans to try. SmolLM2
 * without four blocks, attention 12 exchanged for 7: 0.46 to 0.37 nats on fresh samples. A second exchange only got lucky (0.40), as exchanges
 * chosen on the text of the check did (0.64).
 */
import { MODULES } from "core/measure/mod.ts";
import { type Plan, planData } from "core/result/mod.ts";
import type { DropPlan } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import type { OpenSizer } from "core/formats/mod.ts";
import {
  candidatesOf,
  type ConstraintOptions,
  constraintsOf,
  dropOfEntries,
  type Entry,
  keyOf,
  openBeside,
  type Removals,
} from "../orders/mod.ts";
import { type Candidate, sizedIn } from "./candidates.ts";
import type { Line } from "./lines.ts";

/** Modules of a kind that may come in, those that cost least alone; and exchanges that are tried. */
const [IN, TRIED] = [4, 6];

interface Exchanging {
  readonly model: StudyModel;
  readonly all: readonly Line[];
  readonly sizer: OpenSizer | null;
  /** What modules cost alone. */
  readonly removals: Removals;
  readonly options: ConstraintOptions;
}

/** Exchanges of a plan that save enough, the best first. `costsOf` gives the costs of plans, nats per token over the full model. */
export async function exchangesOf(
  { model: { spec }, all, sizer, removals: { costs: alone }, options }: Exchanging,
  from: Candidate & { readonly cost: number },
  isEnough: (candidate: Candidate) => boolean,
  costsOf: (plans: readonly DropPlan[]) => Promise<readonly number[]>,
): Promise<Candidate[]> {
  const line = all[from.line];
  const parts = MODULES.flatMap((module) =>
    from.drop[module].map((layer): Entry => ({ module, layer, size: 1 }))
  );
  const own = parts.every((entry) => alone.has(keyOf(entry)))
    ? parts // blocks too, where their modules may be dropped alone
    : from.plan.order.map((entry): Entry => ({ ...entry, size: 1 }));
  const rise = (entry: Entry) => alone.get(keyOf(entry)) ?? Infinity;
  const others = [...new Set(own.map(({ module }) => module))].flatMap((kind) =>
    openBeside(candidatesOf(spec, kind, 0), own, spec.layers.length, constraintsOf(options))
      .filter((entry) => rise(entry) < Infinity).sort((a, b) => rise(a) - rise(b)).slice(0, IN)
  );
  const without = (out: Entry) => own.filter((entry) => entry !== out);
  const plans = [...own.map(without), ...others.map((entry) => [...own, entry])];
  const costs = await costsOf(plans.map((plan) => dropOfEntries(spec, plan)));
  const swaps = own.flatMap((out, o) =>
    others.flatMap((into, i) =>
      into.module === out.module
        ? [{ entries: [...without(out), into], both: costs[o] + costs[own.length + i] }]
        : []
    )
  ).filter(({ both }) => both < 2 * from.cost).sort((a, b) => a.both - b.both);
  const scores = new Map(from.plan.order.map((entry) => [keyOf(entry), entry.score]));
  const found: Candidate[] = [];
  for (const { entries } of swaps) {
    if (found.length === TRIED) break;
    const drop = dropOfEntries(spec, entries);
    const lists = planData(drop);
    const order = entries.map((entry) => {
      const { module, layer } = entry;
      return { module, layer, score: scores.get(keyOf(entry)) ?? null };
    });
    const target = targetOf(drop);
    const plan: Plan = { ...from.plan, ...lists, order, target, saves: line.savesOf(lists) };
    const dropped = target === "block" ? drop.attention.length : entries.length;
    const sized = await sizedIn(sizer, line, plan, drop);
    const candidate = { line: from.line, dropped, exchanged: true as const, ...sized };
    if (all.some((own) => own.target === target) && candidate.less >= 0 && isEnough(candidate)) {
      found.push(candidate);
    }
  }
  return found;
}

function targetOf({ attention, mlp }: DropPlan) {
  if (attention.length === 0) return "mlp";
  if (mlp.length === 0) return "attention";
  return String(attention) === String(mlp) ? "block" : "joint";
}
