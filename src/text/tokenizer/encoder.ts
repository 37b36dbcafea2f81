/**
 * From a text to ids, step by step as Hugging Face's own library takes them: added tokens that are looked for in the
 * text as it is, the normaliser, added tokens of the normalised text, the pre-tokenizer, and the model on every word.
 *
 * The steps inside are those of `@huggingface/tokenizers`; the way through them is ours, because the library's knows no
 * `single_word` tokens, has JavaScript's white space, takes added tokens for words of the model, and joins unknown
 * words.
 */
import type { Tokenizer as Engine } from "@huggingface/tokenizers";
import defer * as Tokenizers from "@huggingface/tokenizers";
import { type Section, tokenFinder } from "./added_tokens.ts";
import { isRecord } from "../../entry/mod.ts";
import { type Definition, isId, type VocabularyModel } from "./definition.ts";
import { repairDecoder, repairNormalizer, repairPreTokenizer, withoutPrefix } from "./repair.ts";
import { unigram } from "./unigram.ts";

/** The steps of one tokenizer. */
interface Encoder {
  /** Ids of a text; `continued` if it continues another one, so that no prefix is added. */
  encode(text: string, continued: boolean): number[];
  /** The text of at least one id. */
  decode(ids: readonly number[]): string;
  /** An added token's spelling in the text that is searched for it. */
  readonly spellings: readonly string[];
}

/** Builds the steps. Throws `TypeError` for one that is not supported. */
export function buildEncoder(definition: Definition): Encoder {
  const engine = startEngine(definition);
  const { added_tokens, normalizer } = definition;
  const normalise = (text: string) => engine.normalizer === null ? text : engine.normalizer.normalize(text);
  const continuing = new Tokenizers.SequenceNormalizer({
    type: "Sequence",
    normalizers: [withoutPrefix(repairNormalizer(normalizer))].filter((step) => step !== null),
  } as never);
  const isNormalised = ({ normalized, special }: typeof added_tokens[number]) => normalized ?? !special;
  const normalised = added_tokens.filter(isNormalised).map((token) =>
    [normalise(token.content), token] as const
  );
  const plain = added_tokens.filter((token) => !isNormalised(token)).map((token) =>
    [token.content, token] as const
  );
  const [findPlain, findNormalised] = [tokenFinder(plain), tokenFinder(normalised)];
  const idsOfWord = wordModel(definition, engine);

  return {
    spellings: [...plain, ...normalised].map(([spelling]) => spelling),
    encode: (text, continued) =>
      idsOfSections(findPlain(text), (outer) => {
        const isContinued = continued && outer.start === 0;
        const inside = isContinued ? continuing.normalize(outer.text) : normalise(outer.text);
        return idsOfSections(findNormalised(inside), ({ text, start }) => {
          // Some pre-tokenizers treat the beginning of a text, section 0, in a way of its own.
          const section_index = !isContinued && outer.start === 0 && start === 0 ? 0 : 1;
          const words = engine.pre_tokenizer?.pre_tokenize(text, { section_index }) ?? [text];
          return words.flatMap(idsOfWord);
        });
      }),
    decode: (ids) => engine.decode([...ids], { clean_up_tokenization_spaces: false }),
  };
}

/** Ids of a text cut at its added tokens; `idsOf` gives those of what lies between. */
function idsOfSections(
  sections: readonly Section[],
  idsOf: (between: { readonly text: string; readonly start: number }) => number[],
): number[] {
  return sections.flatMap((section) => "id" in section ? [section.id] : idsOf(section));
}

/** The post-processor only places special tokens, which `encode` never adds: it is left out. */
function startEngine(definition: Definition): Engine {
  const steps = {
    ...definition,
    model: engineModel(definition.model),
    normalizer: repairNormalizer(definition.normalizer),
    pre_tokenizer: repairPreTokenizer(definition.pre_tokenizer ?? null),
    decoder: repairDecoder(definition.decoder),
    post_processor: null,
  };
  try {
    return new Tokenizers.Tokenizer(steps, {});
  } catch (error) {
    throw new TypeError(`Cannot build a tokenizer: ${error instanceof Error ? error.message : error}`);
  }
}

/** The library has no WordLevel, and its Unigram no bytes: of theirs only the vocabulary is used, to decode. */
function engineModel(model: VocabularyModel): object {
  const { type, vocab } = model;
  if (type === "WordLevel") return { ...model, type: "BPE", merges: [] };
  if (type !== "Unigram") return model;
  const ids = Object.fromEntries((vocab as [string][]).map(([token], id) => [token, id]));
  return { type: "BPE", vocab: ids, merges: [] };
}

/** The ids of one word. */
function wordModel({ model, added_tokens }: Definition, engine: Engine): (word: string) => number[] {
  const { vocab, type, unk_token } = model;
  if (type === "Unigram") return unigram(model);
  if (type === "WordLevel") {
    const ids = vocab as Record<string, number>;
    const unknown = typeof unk_token === "string" && Object.hasOwn(ids, unk_token)
      ? ids[unk_token]
      : undefined;
    return (word) => {
      const id = Object.hasOwn(ids, word) ? ids[word] : unknown;
      if (id !== undefined) return [id];
      const found = `the vocabulary has neither ${JSON.stringify(word)} nor ${JSON.stringify(unk_token)}`;
      throw new TypeError(`Cannot use the tokenizer: ${found}, expected a token for unknown words`);
    };
  }
  const inner = engine.model!;
  // The library adds the added tokens to the model's vocabulary; in the original they are no part of it.
  for (const { content } of added_tokens) {
    const own = isRecord(vocab)
      ? (Object.hasOwn(vocab, content) ? vocab[content] : undefined)
      : inner.tokens_to_ids.get(content);
    if (isId(own)) inner.tokens_to_ids.set(content, own);
    else inner.tokens_to_ids.delete(content);
  }
  return (word) => inner._call([word]).map((token) => inner.tokens_to_ids.get(token) ?? inner.unk_token_id!);
}
