/**
 * Which files of a folder or repository make a model, by their names: configuration, tokenizer, and one set of weights.
 * Safetensors come before GGUF, and a name without a variant before one with ("model.fp16.safetensors"); files that an
 * index or their numbers put together are one set. Nothing else is fetched, hashed or opened.
 */
import { shown } from "../entry/mod.ts";

/** The file that lists the checkpoints of a series in a folder. */
export const SERIES_LIST = "series.json";
const SINGLE = "model.safetensors";
export const WEIGHTS_INDEX = "model.safetensors.index.json";
/** "model-00001-of-00002.safetensors", with a variant before or after the numbers. */
const PART = /^(.*)-(\d+)-of-(\d+)(\.[^/]*)?\.safetensors$/;
/** Weights in formats that are not read here; other files with these endings belong to a training. */
const FOREIGN = /^(?!training_args|optimizer|scheduler|rng_state).*\.(bin|pth?|ckpt|h5|msgpack)$/;

/** The files that a model needs: the small ones first, weights last. Throws `Error` that names what is missing. */
export function modelFileNames(names: readonly string[], repo: string): string[] {
  const weights = weightNames(names.toSorted(), repo); // folders list theirs in any order
  if (weights[0].endsWith(".gguf")) {
    if (weights.length === 1) return weights;
    throw new Error(
      `Cannot open ${repo}: it has ${weights.length} GGUF files (${some(weights)}), expected one; ` +
        "use the path of one of them, downloaded if need be",
    );
  }
  if (!names.includes("config.json")) {
    throw new Error(`Cannot open ${repo}: it has no config.json, expected a model in Hugging Face layout`);
  }
  const small = ["config.json", "generation_config.json", "chat_template.jinja"];
  return [...names.filter((name) => small.includes(name) || isTokenizerFile(name)), ...weights];
}

/** Files of SentencePiece models, by the names that transformers gives them. */
export const SENTENCEPIECE_FILES: readonly string[] = [
  "tokenizer.model",
  "spiece.model",
  "sentencepiece.bpe.model",
];

export function isTokenizerFile(name: string): boolean {
  return SENTENCEPIECE_FILES.includes(name) ||
    /^(tokenizer[\w.]*|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt)$/.test(
      name,
    );
}

/** Whether files of these names are enough for a tokenizer. */
export function hasTokenizer(names: readonly string[]): boolean {
  return ["tokenizer.json", ...SENTENCEPIECE_FILES].some((name) => names.includes(name)) ||
    ["vocab.json", "merges.txt"].every((name) => names.includes(name));
}

/** One set of weights, its index first. */
function weightNames(names: readonly string[], repo: string): string[] {
  const tensors = names.filter((name) => name.endsWith(".safetensors"));
  if (tensors.includes(SINGLE)) return [SINGLE];
  if (tensors.length > 0 && names.includes(WEIGHTS_INDEX)) {
    const parts = tensors.filter((name) => /^model-\d+-of-\d+\.safetensors$/.test(name));
    return [WEIGHTS_INDEX, ...(parts.length > 0 ? parts : tensors)];
  }
  if (tensors.length > 0) return oneSet(tensors, repo);
  const gguf = names.filter((name) => name.endsWith(".gguf"));
  if (gguf.length > 0) return gguf;
  throw new Error(`Cannot open ${repo}: it has no weights, ${expectedWeights(names, repo)}`);
}

/** The only set of files, or the only one that is called "model". */
function oneSet(tensors: readonly string[], repo: string): string[] {
  const all = Object.groupBy(tensors, (name) => PART.exec(name)?.slice(1).toSpliced(1, 1).join("/") ?? name);
  const called = Object.entries(all).filter(([name]) => name.startsWith("model"));
  const sets = called.length > 0 ? called : Object.entries(all);
  if (sets.length > 1) {
    throw new Error(
      `Cannot open ${repo}: it has ${sets.length} sets of weights ` +
        `(${some(sets.map(([, set]) => set![0]))}), expected one; copy one set into a folder of its own, ` +
        "with config.json and the tokenizer",
    );
  }
  const [, set] = sets[0];
  const total = Number(PART.exec(set![0])?.[3] ?? 1);
  if (set!.length === total) return set!;
  throw new Error(
    `Cannot open ${repo}: it has ${set!.length} of ${total} files (${some(set!)}), expected all of them`,
  );
}

function expectedWeights(names: readonly string[], repo: string): string {
  const expected = "expected *.safetensors or a *.gguf file";
  const foreign = names.filter((name) => FOREIGN.test(name));
  if (foreign.length === 0) return expected;
  return `${expected}, found ${some(foreign)}; convert with transformers: ` +
    `AutoModelForCausalLM.from_pretrained(${JSON.stringify(repo)})` +
    ".save_pretrained(DIR, safe_serialization=True), and copy the tokenizer's files to DIR";
}

function some(names: readonly string[]): string {
  return names.slice(0, 8).join(", ") + (names.length > 8 ? ", …" : "");
}

/** Throws unless a file name from a server stays inside the folder that it is put into, on every system. */
export function checkFileName(name: unknown, repo: string): asserts name is string {
  const safe = typeof name === "string" && name.length < 1024 && /^[^\\:\0]+$/.test(name) &&
    name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (safe) return;
  throw new Error(
    `Cannot use ${repo}: the file name ${shown(name)} leaves its folder, expected a name inside it`,
  );
}
