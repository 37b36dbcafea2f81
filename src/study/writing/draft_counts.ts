/** Counts of drafted and accepted tokens, over the rounds of a text. */
import type { DropPlan, Round } from "../../run/mod.ts";

/** How drafting a text went. */
export interface DraftCounts {
  /** The plan that drafted. */
  readonly plan: DropPlan;
  /** Tokens to draft at a time. */
  readonly tokens: number;
  /** Runs of the whole model, without that of the prompt. */
  readonly rounds: number;
  /** Drafted tokens. */
  readonly drafted: number;
  /** Those of them that the model accepted. */
  readonly accepted: number;
  /** For the first, second, … drafted token of a round: rounds that accepted it, of those that accepted all before it. */
  readonly depths: readonly { readonly tried: number; readonly accepted: number }[];
  /**
   * Tokens whose two best logits were so near that a run of one row might have chosen the other. Where there are none, a greedy text
   * equals that without a draft.
   */
  readonly ties: number;
}

/** Opens the counts of a text. */
export function draftCounts(plan: DropPlan, tokens: number) {
  const depths = Array.from({ length: tokens }, () => ({ tried: 0, accepted: 0 }));
  const sum = { rounds: 0, drafted: 0, accepted: 0, ties: 0 };
  return {
    add({ drafted, accepted, ties }: Round): void {
      sum.rounds++;
      sum.drafted += drafted;
      sum.accepted += accepted;
      sum.ties += ties;
      for (let depth = 0; depth < Math.min(drafted, accepted + 1); depth++) {
        depths[depth].tried++;
        if (depth < accepted) depths[depth].accepted++;
      }
    },
    sum: (): DraftCounts => ({ plan, tokens, ...sum, depths: depths.filter(({ tried }) => tried > 0) }),
  };
}
