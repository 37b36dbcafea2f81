/** What plans are worth as drafts of the full model: columns and lines that every table of plans has. */
import { counted, formatFixed, formatShare, reading, unknownText } from "../words/mod.ts";
import { type BestDraft, bestDraft } from "../../measure/mod.ts";
import type { DraftCost } from "../../result/mod.ts";
import { type Column, fixed } from "./table.ts";

/** A plan as a draft, where drafting was measured; the full model drafts nothing. */
export interface Drafting {
  readonly acceptance?: number | undefined;
  readonly acceptanceHalfWidth?: number | null | undefined;
  readonly acceptanceTokens?: number | undefined;
  readonly draft?: DraftCost | undefined;
}

/** The best round of a plan that reads the text by itself, were a step's time that of the bytes which it reads; null for the full model. */
export const bestRound = (plan: Drafting): BestDraft | null => isKnown(plan) ? roundOf(plan) : null;

/** The share of its tokens that are accepted from a plan that reads the text by itself, a drafted token's cost, and the speed-up that follows. */
export const DRAFTING: readonly Column<Drafting>[] = [
  { key: "acceptance", title: "accepted", value: ({ acceptance }) => acceptance, format: formatShare },
  {
    key: "acceptance_half_width",
    title: "± 95 %",
    value: ({ acceptanceHalfWidth }) => acceptanceHalfWidth,
    format: formatShare,
  },
  { key: "acceptance_tokens", value: ({ acceptanceTokens }) => acceptanceTokens },
  { key: "draft_cost", title: "cost", value: ({ draft }) => draft?.cost, format: fixed(2) },
  { key: "draft_tokens", value: (plan) => bestRound(plan)?.drafted },
  { key: "draft_speedup", title: "as draft", value: (plan) => bestRound(plan)?.speedup, format: fixed(2) },
];

/** These columns, where drafting was measured. */
export const draftingColumns = (plans: readonly Drafting[]): readonly Column<Drafting>[] =>
  plans.some(({ acceptance }) => acceptance !== undefined) ? DRAFTING : [];

/** The basis of these columns, and whether drafting can gain: in full for one plan, counted for several. */
export function draftingNotes(plans: readonly Drafting[]): string[] {
  const drafts = plans.filter(isKnown);
  if (drafts.length === 0) return [];
  const contexts = [...new Set(drafts.map(({ draft }) => draft.context))].sort((a, b) => a - b);
  return [
    reading`accepted: of a draft that reads the text with keys and values of its own${tokensText(drafts)};
      one that writes with the full model reads the model's, which gives another share (\`speed\` measures
      it)`,
    reading`as draft: the speed-up with such a draft, in rounds of the best length, if a step takes the time of the
      bytes that it reads (cost: a drafted token's over a full one's, after ${contexts.join(" or ")} tokens in
      16 bits)`,
    drafts.length === 1 ? verdictText(drafts[0]) : verdictsText(drafts),
  ];
}

/** ", at 344 of the predicted tokens; nats, KL and top-1 are over all of them", where they are known. */
function tokensText(drafts: readonly Known[]): string {
  const counts = [...new Set(drafts.map(({ acceptanceTokens }) => acceptanceTokens))];
  if (counts.includes(undefined)) return "";
  return `, at ${counts.join(" or ")} of the predicted tokens (nats, KL and top-1 are over all of them)`;
}

/** The same of one plan over scored tokens, in a sentence; null where unknown. */
export function draftingText(plan: Drafting): string | null {
  if (!isKnown(plan)) return null;
  const { speedup, drafted } = roundOf(plan);
  return reading`as a draft that reads the texts with keys and values of its own,
    ${{ share: plan.acceptance }} of the scored tokens are accepted: ${formatFixed(speedup, 2)} times as
    fast in rounds of ${counted(drafted, "drafted token")} if a step takes the time of the bytes that it
    reads (${verdictText(plan)})`;
}

type Known = Drafting & { readonly acceptance: number; readonly draft: DraftCost };

const isKnown = (plan: Drafting): plan is Known => plan.acceptance !== undefined && plan.draft !== undefined;

const roundOf = ({ acceptance, draft: { cost } }: Known): BestDraft => bestDraft({ acceptance, cost });

/** Whether drafting can gain: it does where the cost is less than the share accepted (measure/drafting.ts), since v is 1 here. */
function verdictOf({ acceptance, acceptanceHalfWidth, draft: { cost } }: Known) {
  const apart = Math.abs(acceptance - cost) > (acceptanceHalfWidth ?? 1);
  return apart ? cost < acceptance ? "can gain" : "cannot gain" : "cannot tell";
}

function verdictText(plan: Known): string {
  const { acceptance, acceptanceHalfWidth: half, draft: { cost } } = plan;
  const verdict = verdictOf(plan);
  const takes = `a drafted token takes ${formatFixed(cost, 3)} of the time of a full one`;
  const unclear = `cannot tell whether such a draft gains: ${takes}, and the share accepted`;
  if (typeof half !== "number") return `${unclear}, ${formatFixed(acceptance, 3)}, has no interval`;
  const ends = [Math.max(0, acceptance - half), Math.min(1, acceptance + half)];
  const range = ends.map(fixed(3)).join(" to ");
  if (verdict === "cannot tell") return `${unclear} is ${range}`;
  const side = verdict === "can gain" ? "less" : "more";
  return `such a draft ${verdict}: ${takes}, ${side} than the share accepted, ${range}`;
}

function verdictsText(plans: readonly Known[]): string {
  const verdicts = plans.map(verdictOf);
  const [can, cannot, unknown] = (["can gain", "cannot gain", "cannot tell"] as const).map((verdict) =>
    verdicts.filter((own) => own === verdict).length
  );
  return reading`such drafts can gain with ${can} of ${counted(plans.length, "plan")} and cannot with
    ${cannot}${unknownText({ unknown }, "for")}, by the 95 % interval of the share accepted`;
}
