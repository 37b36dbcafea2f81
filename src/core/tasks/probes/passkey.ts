/**
 * Passkey retrieval (Mohtashami and Jaggi, arXiv 2305.16300): a number of five digits stands somewhere in a text about other things, and
 * the text ends in a question about it. Ten depths take turns, so that the first documents have all of them.
 */
import type { Task } from "../task.ts";
import { type Draws, madeTask } from "./made.ts";
import { NOUNS, PLACES, QUALITIES } from "./words.ts";

/** Lengths of the texts that are listed, about: in tokens of usual vocabularies, which need some less. */
const LENGTHS = [512, 1024, 2048, 4096, 8192, 16384, 32768] as const;
/** The shortest text with a sentence at every depth, and the longest whose documents still fit into memory. */
const SHORTEST = 256;
const LONGEST = 2 ** 20;

/** Words of a sentence and its full stop: as many tokens where each word is one, as in usual vocabularies. */
const SENTENCE_TOKENS = 9;
/** Tokens of the sentences about the key, of the question and of BOS. */
const KEY_TOKENS = 62;

const DEPTHS = 10;

function passkey(tokens: number): Task {
  return madeTask({
    name: `passkey_${tokens}`,
    version: "1.0",
    tokens,
    probe(draws, i) {
      const key = 10000 + draws.below(90000);
      const count = Math.floor((tokens - KEY_TOKENS) / SENTENCE_TOKENS);
      const sentences = Array.from({ length: count }, () => sentence(draws));
      const place = Math.floor(count * (i % DEPTHS + 0.5) / DEPTHS);
      const hidden = `The secret number is ${key}. Remember it: ${key} is the secret number.`;
      const text = [...sentences.slice(0, place), hidden, ...sentences.slice(place)].join(" ");
      return {
        context: `${text}\n\nQuestion: What is the secret number?\nAnswer: The secret number is`,
        continuation: ` ${key}`,
      };
    },
  });
}

function sentence({ one }: Draws): string {
  return `The ${one(QUALITIES)} ${one(NOUNS)} was ${one(PLACES)} the ${one(QUALITIES)} ${one(NOUNS)}.`;
}

/**
 * The task that a name like "passkey_6000" stands for; null for another name.
 *
 * @throws RangeError for a length that texts cannot have
 */
export function passkeyNamed(name: string): Task | null {
  const [, digits] = /^passkey_(\d+)$/.exec(name) ?? [];
  if (digits === undefined) return null;
  const tokens = Number(digits);
  if (tokens >= SHORTEST && tokens <= LONGEST && String(tokens) === digits) return passkey(tokens);
  throw new RangeError(
    `Cannot make the task ${name}: found a text of ${digits} tokens, expected passkey_${SHORTEST} to passkey_${LONGEST}`,
  );
}

export const passkeyTasks: readonly Task[] = LENGTHS.map(passkey);
