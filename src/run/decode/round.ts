/**
 * A round of drafting: some modules of the model propose tokens, and the whole model judges them at once.
 *
 * Both read and write the same keys and values. The draft's are approximate, so the model's own run overwrites them, and those of
 * rejected tokens are cut. What is written is what the model alone would write: the same ids where it takes the most probable token
 * (but where two logits are nearer than kernels for one row and for several differ), the same distribution where it draws.
 *
 * Leviathan et al., "Fast inference from transformers via speculative decoding" (ICML 2023, arXiv 2211.17192); a model's own layers as its draft: Zhang et
 * al., "Draft & Verify" (ACL 2024).
 */
import type { Decoder } from "./decode.ts";
import type { Drafted, Sampler } from "./sample.ts";

/** What a round wrote. */
export interface Round {
  /** Accepted tokens, and one of the model's own behind them, which is not read yet. */
  readonly ids: readonly number[];
  /** Drafted tokens. */
  readonly drafted: number;
  /** Of those, the ones accepted. */
  readonly accepted: number;
  /** Among the tokens written, those whose two best logits were nearly equal, relative to the largest. */
  readonly ties: number;
}

/** How a round chooses. */
interface RoundOptions {
  readonly sampler: Sampler;
  /** Tokens to draft at most. */
  readonly tokens: number;
  /** The number of words that the tokenizer has; an embedding may have more rows. */
  readonly words: number;
}

/**
 * Logits as near as this, relative to the largest, can change places between a run of one row and a run of several: products of
 * float32 add up in another order.
 */
const NEARLY_EQUAL = 1e-5;

/** Reads the last token that was written, `id`, and writes at least one more. */
export async function draftRound(
  decoder: Decoder,
  id: number,
  { sampler, tokens, words }: RoundOptions,
): Promise<Round> {
  const rowsOf = (logits: Float32Array, i: number, rows: number) => {
    const width = logits.length / rows;
    return logits.subarray(i * width, i * width + words);
  };
  const start = decoder.length;
  const drafted: Drafted[] = [];
  if (tokens > 0 && decoder.canExtend(tokens + 1)) {
    decoder.mark();
    for (let last = id; drafted.length < tokens; last = drafted[drafted.length - 1].id) {
      drafted.push(sampler.draft(rowsOf(await decoder.draft(last), 0, 1)));
    }
    await decoder.cut(start);
  }
  const asked = drafted.length + 1;
  const logits = drafted.length === 0
    ? await decoder.step([id])
    : await decoder.extend([id, ...drafted.map(({ id }) => id)]);
  const ids: number[] = [];
  let ties = 0;
  for (let i = 0; i < asked; i++) {
    const own = rowsOf(logits, i, asked);
    ties += isTie(own) ? 1 : 0;
    const chosen = i < drafted.length ? sampler.judge(own, drafted[i]) : sampler.next(own);
    ids.push(chosen);
    if (chosen !== drafted[i]?.id) break;
  }
  const accepted = ids.length - 1;
  if (accepted < drafted.length) await decoder.cut(start + 1 + accepted);
  return { ids, drafted: drafted.length, accepted, ties };
}

/** Whether the two largest logits are nearly equal. */
function isTie(logits: Float32Array): boolean {
  let [best, second] = [-Infinity, -Infinity];
  let largest = 0;
  for (const logit of logits) {
    if (logit > best) [best, second] = [logit, best];
    else if (logit > second) second = logit;
    largest = Math.max(largest, Math.abs(logit));
  }
  return best - second <= NEARLY_EQUAL * largest;
}
