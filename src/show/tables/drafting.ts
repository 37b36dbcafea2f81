/** What plans are worth as drafts of the full model: columns and lines that every table of plans has. */
import { type BestDraft, bestDraft, draftCondition } from "../../measure/mod.ts";
import type { DraftCost } from "../../result/mod.ts";
import { counted, formatFixed, formatShare } from "../chart/numbers.ts";
import { type Column, fixed } from "./table.ts";

/** A plan as a draft; results of earlier versions lack both numbers, and the full model drafts nothing. */
export interface Drafting {
  readonly acceptance?: number | undefined;
  readonly draft?: DraftCost | undefined;
}

/** The best round of a plan, were a step's time that of the bytes which it reads; null for the full model. */
export function bestRound({ acceptance, draft }: Drafting): BestDraft | null {
  return acceptance === undefined || !draft ? null : bestDraft({ acceptance, cost: draft.cost });
}

/** The share of drafted tokens that are accepted, a drafted token's cost, and the speed-up that follows at most. */
export const DRAFTING: readonly Column<Drafting>[] = [
  { key: "acceptance", title: "accepted", value: ({ acceptance }) => acceptance, format: formatShare },
  { key: "draft_cost", title: "cost", value: ({ draft }) => draft?.cost, format: fixed(2) },
  { key: "draft_tokens", value: (plan) => bestRound(plan)?.drafted },
  { key: "draft_speedup", title: "as draft", value: (plan) => bestRound(plan)?.speedup, format: fixed(2) },
];

/** The basis of these columns, and whether drafting can gain: in full for one plan, counted for several. */
export function draftingNotes(plans: readonly Drafting[]): string[] {
  const drafts = plans.flatMap(({ acceptance, draft }) =>
    acceptance === undefined || !draft ? [] : [{ acceptance, ...draft }]
  );
  if (drafts.length === 0) return [];
  const contexts = [...new Set(drafts.map(({ context }) => context))].sort((a, b) => a - b);
  const gaining = drafts.filter(({ acceptance, cost }) => cost < acceptance).length;
  return [
    "as draft: the speed-up at most where the plan drafts for the full model, in rounds of the best length, if a step takes the time of " +
    `the bytes that it reads (cost: a drafted token's over a full one's, after ${
      contexts.join(" or ")
    } tokens in 16 bits)`,
    drafts.length === 1
      ? draftCondition(drafts[0])
      : `drafting can gain with ${gaining} of ${
        counted(drafts.length, "plan")
      }: those whose cost is less than the share accepted`,
  ];
}

/** The same of one plan in a sentence: "accepted as a draft 90.0 %, at most 1.38 times as fast with 3 tokens a round"; null where unknown. */
export function draftingText(plan: Drafting): string | null {
  const best = bestRound(plan);
  if (!best) return null;
  const rounds = `in rounds of ${counted(best.drafted, "drafted token")}`;
  return `as a draft, ${formatShare(plan.acceptance!)} of its tokens are accepted: ` +
    `at most ${formatFixed(best.speedup, 2)} times as fast ${rounds} (${
      draftCondition({ acceptance: plan.acceptance!, cost: plan.draft!.cost })
    })`;
}
