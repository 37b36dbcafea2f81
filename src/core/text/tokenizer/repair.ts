/**
 * Steps of a tokenizer, rewritten so that `@huggingface/tokenizers` 0.2.0 does with them what Hugging Face's own library does.
 *
 * Found by comparing ids: its `Digits` and `Whitespace` know ASCII only; its `ByteLevel`, `WhitespaceSplit`, `Strip` and
 * `BertPreTokenizer` use JavaScript's \s (which has U+FEFF and lacks U+0085); its `Punctuation` joins neighbours; its `Metaspace`
 * does not cut; its `Split` takes every behaviour but "Removed" for "Isolated", and that one keeps what it should remove
 * where the pattern is a string; its `Replace` reads "$" in the new text as a command. A `Split` or `Replace` by a regular
 * expression, whose dialect the library translates, can express all of them but a few behaviours of `Split`, which are an error.
 */
import { GPT2_WORDS } from "./word_patterns.ts";
import { isRecord, refusal, shown } from "../../entry/mod.ts";

type Step = { readonly type?: unknown; readonly [key: string]: unknown };

interface Split extends Step {
  readonly pattern?: { readonly String?: string; readonly Regex?: string };
  readonly behavior?: string;
  readonly invert?: boolean;
}

const PUNCTUATION = String.raw`[\p{P}\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E]`;

/** Words of `Whitespace`, once white space is away: Rust's `\w`, which Oniguruma's has more than. */
const WORDS = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+`;

/** White space, taken away. */
const withoutSpace = {
  type: "Split",
  pattern: { Regex: String.raw`\s+` },
  behavior: "Removed",
  invert: false,
};

const sequence = (...pretokenizers: unknown[]) => ({ type: "Sequence", pretokenizers });

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
        : sequence(isolate(GPT2_WORDS), { ...step, use_regex: false });
    case "Whitespace":
      return sequence(withoutSpace, isolate(WORDS));
    case "WhitespaceSplit":
      return withoutSpace;
    case "BertPreTokenizer":
      return sequence(withoutSpace, isolate(PUNCTUATION));
    case "Punctuation":
      return repairSplit({ pattern: { Regex: PUNCTUATION }, behavior: options.behavior ?? "Isolated" });
    case "Metaspace":
      return repairMetaspace(step as Step);
    case "Split":
      return repairSplit(step as Step);
    default:
      return step;
  }
}

/** The older field `add_prefix_space` says less than `prepend_scheme`; a word begins with the sign for a space. */
function repairMetaspace(step: Step): unknown {
  const { replacement = "▁", add_prefix_space, prepend_scheme, split } = step;
  const scheme = prepend_scheme ?? (add_prefix_space === false ? "never" : "always");
  const spaces = { ...step, prepend_scheme: scheme };
  if (split === false || typeof replacement !== "string") return spaces;
  const sign = literal(replacement);
  return sequence(spaces, isolate(`${sign}(?:(?!${sign})[\\s\\S])*`));
}

function repairSplit(step: Step): unknown {
  const { pattern, behavior, invert } = step as Split;
  const { Regex, String } = pattern!; // one of them is a text (definition.ts)
  const source = Regex ?? literal(String!);
  if (behavior === "Removed") return { type: "Split", behavior, invert, pattern: { Regex: source } };
  if (behavior === "Isolated") return isolate(source);
  if (behavior === "MergedWithPrevious" && !invert) {
    // The rest behind the last match is one, too: a search for the next would start at every character of it.
    return isolate(`(?:(?!${source})[\\s\\S])*(?:${source}|\\z)`);
  }
  if (behavior === "Contiguous" && !invert) return isolate(`(?:${source})+`);
  const found = `${invert ? "an inverted" : "a"} Split with behavior ${shown(behavior)}`;
  throw refusal(TypeError, "build a tokenizer", `${found} is not supported`);
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A normaliser of `tokenizer.json` with the same meaning to the library. */
export function repairNormalizer(step: unknown): unknown {
  if (!isRecord(step)) return step ?? null;
  switch (step.type) {
    case "Sequence":
      return Array.isArray(step.normalizers)
        ? { ...step, normalizers: step.normalizers.map(repairNormalizer) }
        : step;
    case "Replace":
      return literally(step);
    case "Strip": {
      const sides = [
        ...(step.strip_left ? [String.raw`\A\s+`] : []),
        ...(step.strip_right ? [String.raw`\s+\z`] : []),
      ];
      const steps = sides.map((Regex) => ({ type: "Replace", pattern: { Regex }, content: "" }));
      return { type: "Sequence", normalizers: steps };
    }
    default:
      return step;
  }
}

/** A decoder with the same meaning to the library. */
export function repairDecoder(step: unknown): unknown {
  if (!isRecord(step)) return step ?? null;
  if (step.type === "Replace") return literally(step);
  return step.type === "Sequence" && Array.isArray(step.decoders)
    ? { ...step, decoders: step.decoders.map(repairDecoder) }
    : step;
}

/** The normaliser of a text that goes on: nothing is put in front of it. */
export function withoutPrefix(step: unknown): unknown {
  if (!isRecord(step) || step.type === "Prepend") return null;
  return step.type === "Sequence" && Array.isArray(step.normalizers)
    ? { ...step, normalizers: step.normalizers.map(withoutPrefix).filter((inner) => inner !== null) }
    : step;
}

const literally = (step: Record<string, unknown>) =>
  typeof step.content === "string" ? { ...step, content: step.content.replaceAll("$", "$$$$") } : step;
