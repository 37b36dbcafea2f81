/**
 * Pre-tokenizers, rewritten so that `@huggingface/tokenizers` 0.2.0 cuts as Hugging Face's own library does.
 *
 * Found by comparing ids: its `Digits` knows ASCII digits only; its `ByteLevel` uses JavaScript's \s (which has
 * U+FEFF and lacks U+0085); its `Split` takes every behaviour but "Removed" for "Isolated", and that one keeps what it
 * should remove where the pattern is a string. All of them can be said with a `Split` by a regular expression, whose
 * dialect the library does translate. What cannot is an error.
 */

interface Step {
  readonly type?: unknown;
  readonly [key: string]: unknown;
}

interface Split extends Step {
  readonly pattern?: { readonly String?: string; readonly Regex?: string };
  readonly behavior?: string;
  readonly invert?: boolean;
}

/** How GPT-2 cuts text into words. */
const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** Cuts a text into the matches of a regular expression and what lies between them. */
export const isolate = (Regex: string) => ({
  type: "Split",
  pattern: { Regex },
  behavior: "Isolated",
  invert: false,
});

/** A pre-tokenizer of `tokenizer.json` with the same meaning to the library. Throws `TypeError` if there is none. */
export function repairPreTokenizer(step: unknown): unknown {
  if (typeof step !== "object" || step === null) return step;
  const { type, ...options } = step as Step;
  switch (type) {
    case "Sequence":
      return Array.isArray(options.pretokenizers)
        ? { type, pretokenizers: options.pretokenizers.map(repairPreTokenizer) }
        : step;
    case "Digits":
      return isolate(options.individual_digits ? String.raw`\p{N}` : String.raw`\p{N}+`);
    case "ByteLevel":
      return options.use_regex === false || options.add_prefix_space
        ? step
        : { type: "Sequence", pretokenizers: [isolate(GPT2_WORDS), { ...step, use_regex: false }] };
    case "Split":
      return repairSplit(step as Step);
    default:
      return step;
  }
}

function repairSplit(step: Step): unknown {
  const { pattern, behavior, invert } = step as Split;
  const source = pattern?.Regex ?? (pattern?.String === undefined ? undefined : literal(pattern.String));
  if (source === undefined) throw new TypeError("Cannot build a tokenizer: a Split without a pattern");
  if (behavior === "Removed") return { ...step, pattern: { Regex: source } };
  if (behavior === "Isolated") return isolate(source);
  if (behavior === "MergedWithPrevious" && !invert) return isolate(`(?:(?!${source})[\\s\\S])*(?:${source})`);
  if (behavior === "Contiguous" && !invert) return isolate(`(?:${source})+`);
  const found = `${invert ? "an inverted" : "a"} Split with behavior ${JSON.stringify(behavior)}`;
  throw new TypeError(`Cannot build a tokenizer: ${found} is not supported`);
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
