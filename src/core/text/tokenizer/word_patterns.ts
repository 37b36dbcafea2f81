/**
 * The regular expressions by which byte-level tokenizers find words, letter by letter as `tokenizer.json` files have them: GPT-2's; GPT-4's,
 * by how many digits make a word; Qwen 3.5's, where a mark is part of its word; GPT-4o's (gpt-oss), which cut before a capital and leave
 * contractions with their word; Mistral's Tekken, the same without contractions, digit by digit; DeepSeek V3's, after numbers and Chinese
 * characters are apart. Besides, numbers of one digit or at most three, and Chinese characters and kana in a row.
 */
import patterns from "./word_patterns.json" with { type: "json" };

export const { GPT2_WORDS, ONE, UP_TO_3, CJK_RUN, GPT4_WORDS_ONE, GPT4_WORDS_UP_TO_3 } = patterns;
export const { QWEN35_WORDS, O200K_WORDS, TEKKEN_WORDS, DEEPSEEK3_WORDS } = patterns;

/** Patterns of which no match has white space behind anything else, or depends on what follows a letter. */
export const WORD_PATTERNS: ReadonlySet<string> = new Set([
  ...[GPT2_WORDS, GPT4_WORDS_ONE, GPT4_WORDS_UP_TO_3, patterns.GPT4_WORDS_ANY],
  ...[QWEN35_WORDS, O200K_WORDS, TEKKEN_WORDS, DEEPSEEK3_WORDS],
]);
