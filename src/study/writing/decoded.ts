/** From a prompt to the ids and the text that a decoder writes, and the counts of its draft. */
import {
  type Decoder,
  draftRound,
  type DropPlan,
  ngramDraft,
  type Round,
  type Sampler,
} from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import type { Tokenizer } from "../../text/mod.ts";
import { type Check, wholeNumber } from "../../entry/mod.ts";
import { MOST_DRAFTED } from "../../measure/mod.ts";

/** What writing needs of a decoder; all of it for a draft. */
type Writer = Pick<Decoder, "prefill" | "step"> & Partial<Decoder>;

interface Writing {
  readonly tokenizer: Tokenizer;
  /** Chooses from the logits [V] of the next token. */
  readonly sampler: Sampler;
  readonly ends: ReadonlySet<unknown>;
  /** Gets all ids so far after each; whether the text is over. */
  readonly isOver: (ids: readonly number[]) => boolean;
  /** Tokens to draft in a round, with the most that are still needed; absent where the decoder has no draft. */
  readonly draft?: ((ids: readonly number[]) => number) | undefined;
  /** Whether the text drafts, and not the decoder; default: false. */
  readonly fromText?: boolean | undefined;
  /** Gets what each round of drafting came to. */
  readonly onRound?: ((round: Round) => void) | undefined;
}

/** The ids that follow a prompt, without the one that ends them, and what ended them. */
export async function decoded(
  opened: Writer,
  prompt: readonly number[],
  { tokenizer, sampler, ends, isOver, draft, fromText = false, onRound }: Writing,
): Promise<{ ids: number[]; ended: "eos" | "length" }> {
  const words = tokenizer.vocabularySize; // an embedding may have rows that no token has
  const ids: number[] = [];
  let next: readonly number[] = [
    sampler.next((await opened.prefill([Int32Array.from(prompt)])).subarray(0, words)),
  ];
  for (;;) {
    for (const id of next) {
      if (ends.has(id)) return { ids, ended: "eos" };
      ids.push(id);
      if (isOver(ids)) return { ids, ended: "length" };
    }
    const last = ids[ids.length - 1];
    if (!draft) {
      next = [sampler.next((await opened.step([last])).subarray(0, words))];
      continue;
    }
    const tokens = draft(ids);
    const proposed = fromText ? ngramDraft([...prompt, ...ids], tokens) : undefined;
    const round = await draftRound(opened as Decoder, last, { sampler, tokens, words, proposed });
    onRound?.(round);
    next = round.ids;
  }
}

/** The tokens that end a text: the tokenizer's, and those of the configuration, which may list several. */
export function endsOf({ config }: StudyModel, { eos }: Tokenizer): Set<unknown> {
  const configured = [config.eos_token_id].flat().filter((id) => typeof id === "number");
  return new Set(eos === null ? configured : [eos, ...configured]);
}

/** Tokens of context that decoders look back over: whether a word begins with a space is in its neighbour. */
const CONTEXT = 4;

/**
 * Returns the text that the next token adds after those of the prompt; the last call returns what was held back. A character may take
 * several tokens: until it is complete it decodes as U+FFFD, and the text waits for the token that completes it. Only a few tokens before
 * the new one are decoded again, so a long text costs no more than a short one.
 */
export function incremental(tokenizer: Tokenizer, prompt: readonly number[]) {
  const ids = prompt.slice(-CONTEXT);
  let from = 0;
  let told = ids.length;
  return (id: number, last: boolean) => {
    ids.push(id);
    const known = tokenizer.decode(ids.slice(from, told));
    const text = tokenizer.decode(ids.slice(from));
    if (text.endsWith("\ufffd") && !last) return "";
    from = Math.max(0, told - CONTEXT);
    told = ids.length;
    return text.slice(known.length);
  };
}

/** Encodes a prompt, with BOS first if `bos` asks for it. Throws `TypeError` for a model without one. */
export function promptIds(model: string, tokenizer: Tokenizer, text: string, bos: boolean): number[] {
  if (!bos) return [...tokenizer.encode(text)];
  if (tokenizer.bos === null) {
    throw new TypeError(`Cannot begin with BOS: ${model} has no BOS token, expected one`);
  }
  return [tokenizer.bos, ...tokenizer.encode(text)];
}

export const aDraftLength: Check = wholeNumber(1, MOST_DRAFTED);

/** How drafting a text went. */
export interface DraftCounts {
  /** The plan that drafted, or the text itself. */
  readonly plan: DropPlan | "ngram";
  /** Tokens to draft at a time. */
  readonly tokens: number;
  /** Runs of the whole model, without that of the prompt. */
  readonly rounds: number;
  /** Drafted tokens. */
  readonly drafted: number;
  /** Those of them that the model accepted. */
  readonly accepted: number;
  /** For the first, second, … drafted token of a round: rounds that accepted it, of those that accepted all before it. */
  readonly depths: { readonly tried: number; readonly accepted: number }[];
  /**
   * Tokens whose two best logits were so near that a run of one row might have chosen the other. Where there are none, a greedy text
   * equals that without a draft.
   */
  readonly ties: number;
}

export function draftCounts(plan: DropPlan | "ngram", tokens: number) {
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
