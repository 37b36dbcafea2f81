/** The tokenizer of a folder, whichever of the usual files it has. */
import { parseJson } from "../entry/mod.ts";
import { type ModelFiles, readText, readWhole, SENTENCEPIECE_FILES } from "../hub/mod.ts";
import {
  type ConfiguredIds,
  fromFile,
  type Tokenizer,
  tokenizerFromGguf,
  tokenizerFromJson,
  tokenizerFromSentencePiece,
  tokenizerFromVocabulary,
} from "../text/mod.ts";
import type { GgufFile } from "../weights/mod.ts";

/** Largest size of a configuration or a tokenizer, in bytes. */
const MOST_BYTES = 64 * 2 ** 20;

/** Builds it: from `tokenizer.json`, else a SentencePiece model, else `vocab.json` and `merges.txt`. */
export async function folderTokenizer(files: ModelFiles, config: unknown): Promise<Tokenizer> {
  const names = files.list();
  const optional = async (name: string) => names.includes(name) ? await readJson(files, name) : null;
  const tokenizerConfig = await optional("tokenizer_config.json");
  if (names.includes("tokenizer.json")) {
    const json = await readJson(files, "tokenizer.json");
    const build = () => tokenizerFromJson(json, tokenizerConfig, config as ConfiguredIds);
    return fromFile(`${files.name}/tokenizer.json`, build);
  }
  const pieces = SENTENCEPIECE_FILES.find((name) => names.includes(name));
  if (pieces !== undefined) {
    const bytes = await readWhole(await files.open(pieces), MOST_BYTES);
    return fromFile(`${files.name}/${pieces}`, () => tokenizerFromSentencePiece(bytes, tokenizerConfig));
  }
  if (names.includes("vocab.json") && names.includes("merges.txt")) {
    const parts = {
      vocab: await readJson(files, "vocab.json"),
      merges: await readText(await files.open("merges.txt"), MOST_BYTES),
      added: await optional("added_tokens.json"),
      config: tokenizerConfig,
      model: config as ConfiguredIds,
    };
    return fromFile(files.name, () => tokenizerFromVocabulary(parts));
  }
  throw new Error(
    `Cannot open ${files.name}: it has no tokenizer, found ${
      names.join(", ") || "nothing"
    }, expected tokenizer.json, ` +
      "tokenizer.model, or vocab.json and merges.txt; alternatively, pass a file of token ids as `text`: IDS.json",
  );
}

/** The tokenizer of a GGUF file. Throws `Error` if it has none, which happens with files of other tools. */
// deno-lint-ignore require-await -- throws as a rejection
export async function ggufTokenizer(
  { metadata }: Pick<GgufFile, "metadata">,
  name: string,
): Promise<Tokenizer> {
  const kind = metadata.get("tokenizer.ggml.model") ?? "none";
  if (kind !== "none") return fromFile(name, () => tokenizerFromGguf(metadata));
  throw new Error(
    `Cannot open ${name}: the file has no tokenizer, expected tokenizer.ggml.model; alternatively, pass a file of token ids as ` +
      "`text`: IDS.json",
  );
}

/** A file of a model as JSON. Throws `Error` if it is missing, `SyntaxError` if it is not JSON. */
export async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  if (!files.list().includes(name)) {
    throw new Error(
      `Cannot open ${files.name}: ${name} is missing, found ${files.list().join(", ") || "nothing"}`,
    );
  }
  const text = await readText(await files.open(name), MOST_BYTES);
  const file = `${files.name}: ${name}`;
  if (depthOf(text) <= DEEPEST) return parseJson(text, file);
  throw new SyntaxError(`Cannot read ${file}: objects are nested deeper than ${DEEPEST}, expected flat JSON`);
}

/** Most objects and arrays inside each other: real files have ten. Functions that walk through them recurse. */
const DEEPEST = 200;

/** How many brackets of a JSON text are open at once; those in strings do not count. */
function depthOf(text: string): number {
  let [depth, most, quoted] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const letter = text.charCodeAt(at);
    if (quoted && letter === 0x5c) at++; // what follows a backslash is of the string
    else if (letter === 0x22) quoted = !quoted;
    else if (!quoted && (letter === 0x7b || letter === 0x5b)) most = Math.max(most, ++depth);
    else if (!quoted && (letter === 0x7d || letter === 0x5d)) depth--;
  }
  return most;
}
