/** The regular expressions by which byte-level tokenizers find words, letter by letter as `tokenizer.json` files have them. */

/** How GPT-2 cuts text into words. */
export const GPT2_WORDS = String
  .raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** Numbers: one digit, or at most three. */
export const ONE = String.raw`\p{N}`;
export const UP_TO_3 = String.raw`\p{N}{1,3}`;

/** Chinese characters and kana in a row. */
export const CJK_RUN = "[一-龥぀-ゟ゠-ヿ]+";

const CONTRACTION = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const SPACES = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;

/** GPT-4 and its descendants; they differ in what a letter is, and in how many digits make a word. */
export function gpt4Words(digits: string, { letter = String.raw`\p{L}`, mark = "" } = {}): string {
  return `${CONTRACTION}|` +
    String.raw`[^\r\n\p{L}\p{N}]?${letter}+|${digits}| ?[^\s\p{L}${mark}\p{N}]+[\r\n]*|${SPACES}`;
}

/** Qwen 3.5: a mark is part of its word. */
export const QWEN35_WORDS = gpt4Words(ONE, { letter: String.raw`[\p{L}\p{M}]`, mark: String.raw`\p{M}` });

/** GPT-4o, gpt-oss: cut before a capital, contractions stay with their word. */
export const O200K_WORDS = gpt4oWords(UP_TO_3, `${CONTRACTION}?`);

/** Mistral's Tekken: the same without contractions, digit by digit. */
export const TEKKEN_WORDS = gpt4oWords(ONE, "");

function gpt4oWords(digits: string, contraction: string): string {
  const [upper, lower] = [String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`];
  const word = (letters: string) => String.raw`[^\r\n\p{L}\p{N}]?${letters}${contraction}`;
  return [
    word(`${upper}*${lower}+`),
    word(`${upper}+${lower}*`),
    digits,
    String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
    SPACES,
  ].join("|");
}

/** DeepSeek V3, after numbers and Chinese characters are apart. */
export const DEEPSEEK3_WORDS = String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + "`" +
  String.raw`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|${SPACES}`;

/** Patterns of which no match has white space behind anything else, or depends on what follows a letter. */
export const WORD_PATTERNS: ReadonlySet<string> = new Set([
  GPT2_WORDS,
  ...[ONE, UP_TO_3, "\\p{N}+"].map((digits) => gpt4Words(digits)),
  ...[QWEN35_WORDS, O200K_WORDS, TEKKEN_WORDS, DEEPSEEK3_WORDS],
]);
