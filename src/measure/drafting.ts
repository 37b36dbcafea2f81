/**
 * How much faster a model writes when a cheaper one drafts for it (speculative decoding: Leviathan et al., arXiv 2211.17192; a model
 * without some of its own modules as the draft: Draft & Verify, arXiv 2309.08168). A round drafts γ tokens one by one; then the full
 * model reads all of them at once, keeps those up to the first that it rejects, and adds a token of its own.
 *
 *     α       the share of drafted tokens that are accepted: the mean of Σ_v min(p, q) where tokens are drawn, p the full model's
 *             distribution and q the draft's; the share of equal most probable tokens where the most probable one is written.
 *             q depends on what the draft reads: keys and values of its own, as in perplexities, or the full model's, as in writing
 *     c       the time of a drafted token over that of a token of the full model
 *     v(k)    the time in which the full model reads k tokens at once over its time for one; 1 where reading weights takes all the time
 *     tokens of a round   1 + α + α² + … + α^γ = (1 − α^(γ+1)) / (1 − α)
 *     S(γ)    tokens of a round / (γ c + v(γ + 1))
 *
 * A draft that proposes tokens in a share m of the rounds only gains (1 − m + m · tokens) / (1 − m + m · time), and does so under the
 * same conditions.
 *
 * S(1) > 1 exactly if c < 1 + α − v(2). Where v grows at least as fast from token to token as from the first to the second, and no depth
 * is accepted more often than the first, longer rounds need the same.
 */

import { sum } from "../entry/mod.ts";
import { halfWidth95 } from "./statistics/statistics.ts";

/** The draft that copies what followed the last tokens of the text before, and needs no model. */
export const NGRAM = "ngram";

/** α at every depth, or α_1, α_2, …: the share of tokens at each depth that are accepted if all before them were. */
type Acceptance = number | readonly number[];

/** A draft beside its full model. */
export interface Draft {
  readonly acceptance: Acceptance;
  /** c: the time of a drafted token over that of a token of the full model. */
  readonly cost: number;
  /** The share of rounds in which it drafts at all; default: 1. */
  readonly share?: number;
  /** v: the time of the full model for so many tokens at once over its time for one; default: 1. */
  readonly verify?: (tokens: number) => number;
}

/**
 * The share of drafted tokens that is accepted over some texts, a ratio of two sums (`accepted` is a sum of shares, where these are known);
 * half the width of its 95 % interval, null for a single text; and the number of these tokens. The interval is that of the texts' distances from the ratio
 * (Cochran, Sampling Techniques, 1977, equation 6.13), by Student's t: the bootstrap of `ratio95` is too narrow for few texts. Throws `RangeError` where no token was drafted.
 */
export function acceptanceOf(texts: readonly Readonly<Record<"accepted" | "drafted", number>>[]) {
  const drafted = sum(texts, (text) => text.drafted);
  if (!(drafted > 0)) {
    throw new RangeError("Cannot measure acceptance: found no drafted token, expected some");
  }
  const acceptance = sum(texts, (text) => text.accepted) / drafted;
  const perText = drafted / texts.length;
  return {
    acceptance,
    acceptanceHalfWidth: halfWidth95(
      texts.map((text) => (text.accepted - acceptance * text.drafted) / perText),
    ),
    acceptanceTokens: drafted,
  };
}

/** The best length of a round. */
export interface BestDraft {
  /** γ: tokens drafted in a round. */
  readonly drafted: number;
  /** S(γ): below 1 where drafting is slower than the full model alone. */
  readonly speedup: number;
}

/** The longest round that is looked at. Where all tokens are accepted, each longer round is better still. */
export const MOST_DRAFTED = 32;

/** The expected number of tokens that a round writes, from 1 to γ + 1. Throws `RangeError` for shares outside 0 … 1. */
export function tokensOfRound(acceptance: Acceptance, drafted: number): number {
  expectRound(acceptance, drafted);
  let [tokens, reached] = [1, 1];
  for (let depth = 0; depth < drafted; depth++) tokens += reached *= shareAt(acceptance, depth);
  return tokens;
}

/** S(γ). Throws `RangeError` for shares outside 0 … 1, and for times that are no finite numbers, negative or 0 in all. */
export function draftSpeedup(draft: Draft, drafted: number): number {
  const tokens = tokensOfRound(draft.acceptance, drafted);
  const time = drafted * expectCost(draft.cost) + verifyTime(draft, drafted + 1);
  const { share = 1 } = draft;
  return (1 - share + share * tokens) / (1 - share + share * time);
}

/** The γ with the largest S(γ), the smallest of equals. With acceptances by depth, γ goes as far as they do. */
export function bestDraft(draft: Draft): BestDraft {
  const depths = depthsOf(draft.acceptance);
  let best = { drafted: 1, speedup: draftSpeedup(draft, 1) };
  for (let drafted = 2; drafted <= depths; drafted++) {
    const speedup = draftSpeedup(draft, drafted);
    if (speedup > best.speedup) best = { drafted, speedup };
  }
  return best;
}

/**
 * The cost below which rounds of some length gain, and their number of drafted tokens: the largest of (tokens of a round − v(γ + 1)) /
 * γ; for rounds of one token that is 1 + α − v(2). Negative where no draft is cheap enough.
 */
export function costLimit(draft: Omit<Draft, "cost">) {
  const { acceptance } = draft;
  const depths = depthsOf(acceptance);
  let best = { cost: -Infinity, drafted: 1 };
  for (let drafted = 1; drafted <= depths; drafted++) {
    const cost = (tokensOfRound(acceptance, drafted) - verifyTime(draft, drafted + 1)) / drafted;
    if (cost > best.cost) best = { cost, drafted };
  }
  return best;
}

/** The longest round to look at, of which all acceptances are known. */
function depthsOf(acceptance: Acceptance): number {
  return typeof acceptance === "number" ? MOST_DRAFTED : Math.min(MOST_DRAFTED, acceptance.length);
}

export function shareAt(acceptance: Acceptance, depth: number): number {
  return typeof acceptance === "number" ? acceptance : acceptance[depth];
}

function expectRound(acceptance: Acceptance, drafted: number): void {
  if (!Number.isSafeInteger(drafted) || drafted < 1) {
    throw new RangeError(
      `Cannot plan a draft: found ${drafted} tokens a round, expected a whole number from 1`,
    );
  }
  const shares = typeof acceptance === "number" ? [acceptance] : acceptance.slice(0, drafted);
  if (typeof acceptance !== "number" && shares.length < drafted) {
    throw new RangeError(
      `Cannot plan a draft of ${drafted} tokens a round: found acceptances of ${shares.length} depths, expected one for each token`,
    );
  }
  const wrong = shares.find((share) => !(share >= 0 && share <= 1));
  if (wrong === undefined) return;
  throw new RangeError(`Cannot plan a draft: found an acceptance of ${wrong}, expected 0 to 1`);
}

/** The cost, if it is one. Throws `RangeError` otherwise. */
export function expectCost(cost: number): number {
  if (Number.isFinite(cost) && cost >= 0) return cost;
  throw new RangeError(`Cannot plan a draft: found a cost of ${cost}, expected a finite number from 0`);
}

/** The time of so many tokens at once over that of one. Throws `RangeError` unless it is finite and above 0. */
export function verifyTime({ verify = () => 1 }: Omit<Draft, "cost">, tokens: number): number {
  const time = verify(tokens);
  if (Number.isFinite(time) && time > 0) return time;
  throw new RangeError(
    `Cannot plan a draft: ${tokens} tokens at once take ${time} times as long as one, expected a finite number above 0`,
  );
}
