/**
 * Entries under `tokenizer.ggml.` of a GGUF file's metadata, checked before they are used: the file may come from
 * anywhere, and so may its types, lengths and ids.
 */

import { refusal } from "../../entry/mod.ts";

export type Metadata = ReadonlyMap<string, unknown>;

/** The part of the metadata that describes tokens, checked. All lists have one entry per token. */
export type GgufVocabulary = { readonly tokens: readonly string[]; readonly types: ArrayLike<number> };

export const TokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Control, unknown and user-defined tokens in the form of `tokenizer.json`, in the order of their ids. */
export function addedTokens({ tokens, types }: GgufVocabulary) {
  const added = [];
  for (let id = 0; id < tokens.length; id++) {
    const special = types[id] === TokenType.control || types[id] === TokenType.unknown;
    if (!special && types[id] !== TokenType.userDefined) continue;
    const content = tokens[id];
    if (content === "") continue;
    added.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special });
  }
  return added;
}

/** Token → id. Of tokens spelt alike the first keeps its id, as in Hugging Face's conversion. */
export function idsOf(tokens: readonly string[]): Map<string, number> {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (!ids.has(token)) ids.set(token, id);
  });
  return ids;
}

export function strings(metadata: Metadata, name: string): readonly string[] {
  const list = metadata.get(`tokenizer.ggml.${name}`);
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) {
    throw refusedEntry(TypeError, name, describe(list), "a list of strings");
  }
  return list;
}

/** A list of `length` finite numbers under `tokenizer.ggml.`. */
export function numbers(metadata: Metadata, name: string, length: number): ArrayLike<number> {
  const list = metadata.get(`tokenizer.ggml.${name}`);
  const isList = Array.isArray(list) || (ArrayBuffer.isView(list) && !(list instanceof DataView));
  if (!isList || !(list as unknown[]).every(Number.isFinite)) {
    throw refusedEntry(TypeError, name, describe(list), "a list of finite numbers");
  }
  const found = list as ArrayLike<number>;
  if (found.length === length) return found;
  throw refusedEntry(RangeError, name, `${found.length} entries for ${length} tokens`, "one per token");
}

/** A token id under `tokenizer.ggml.`, or null where the file names none. */
export function tokenId(metadata: Metadata, name: string, size: number): number | null {
  const id = metadata.get(`tokenizer.ggml.${name}`);
  if (id === undefined) return null;
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < size) return id;
  throw refusedEntry(RangeError, name, String(id), `an id from 0 to ${size - 1}`);
}

export function flag(metadata: Metadata, name: string, otherwise: boolean): boolean {
  const value = metadata.get(`tokenizer.ggml.${name}`) ?? otherwise;
  if (typeof value === "boolean") return value;
  throw refusedEntry(TypeError, name, describe(value), "true or false");
}

export const refusedEntry = (Kind: ErrorConstructor, name: string, found: string, expected: string) =>
  refusal(Kind, `read tokenizer.ggml.${name}`, `${found}, expected ${expected}`);

function describe(value: unknown): string {
  if (value === undefined) return "it is missing";
  return Array.isArray(value) ? "a list of something else" : `a ${typeof value}`;
}
