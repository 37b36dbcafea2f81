/** Calibration text by name or file, packed into blocks of tokens. */
import { isFile } from "../disk/mod.ts";
import { stat } from "node:fs/promises";
import {
  type AllOf,
  type Check,
  type Checks,
  flag,
  lateMeter,
  like,
  nearNames,
  type Of,
  option,
  reportChecks,
  type Reports,
  requireAll,
  under,
  wholeNumber,
} from "../entry/mod.ts";
import { benchmarkFiles, datasetFile } from "../hub/mod.ts";
import { joinHashes, type Provenance } from "../result/mod.ts";
import {
  blockHashes,
  type Blocks,
  blocksOfIds,
  type Document,
  MAX_TOKENS,
  namedText,
  packBlocks,
  readDocuments,
  readIds,
  TEXT_NAMES,
} from "../text/mod.ts";
import { onModel, type StudyModel } from "./model.ts";
import type { ModelSpec } from "../models/mod.ts";

/** Blocks of tokens and their identity in results. */
export interface Packed {
  /** The tokens [samples, length]. */
  readonly blocks: Blocks;
  /** The text by name and hash. */
  readonly text: Provenance["text"];
  /** How the text was cut. */
  readonly packing: Provenance["packing"];
}

export const aText: Check<string> = like(
  "the name of a built-in text, or a file",
  (value) => typeof value === "string" && value !== "",
  "string",
);

/** Names of the built-in texts. */
export const textNames: readonly string[] = [...TEXT_NAMES, "c4"];

/** Checks of which text, and how it is cut. */
export const textChecks = {
  /**
   * `stories`, `wiki`, `code`, `math`, `c4`, or a file: plain text, JSONL with a `text` field, or token ids as a JSON list or a list of
   * lists, which are used unchanged.
   */
  text: option(
    aText,
    `<file|name> ${textNames.join(", ")}, or a file: plain text, JSONL with a "text" field, or token ids ` +
      "as a JSON list",
  ),
  /** Number of blocks. */
  samples: option(wholeNumber(1, MAX_TOKENS), "<n> number of text blocks"),
  /** Tokens in each block. */
  length: option(wholeNumber(2, MAX_TOKENS), "<t> tokens per block"),
  /** Number of blocks to skip at the start, to split a study over machines. */
  skip: option(wholeNumber(0, MAX_TOKENS), "<n> skip this many blocks at the start of the text", 0),
  /** Whether each block begins with BOS. */
  bos: option(flag, "start each block with the BOS token"),
};
under("Text:", textChecks);

/** Options that name the text of a study and cut it into blocks. */
export type TextOptions = AllOf<typeof textChecks>;
/** The same options, any of which may be left to its default. */
export type SomeText = Of<typeof textChecks>;

/** The name in results of a text of token ids, which needs no tokenizer. */
export const IDS = "ids";

const C4 = { repo: "allenai/c4", file: "en/c4-validation.00000-of-00008.json.gz" };

const packChecks: Checks<TextOptions & Reports> = { ...requireAll(textChecks), ...reportChecks };

/**
 * Cuts a text into blocks of a model's tokens.
 *
 * @example
 * ```ts
 * import { openModel, packText } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { blocks } = await packText(model, { text: "README.md", samples: 2, length: 32, skip: 0, bos: false });
 * console.log(blocks.ids.length); // 64
 * ```
 */
export async function packText(
  model: Pick<StudyModel, "tokenizer"> & Partial<Pick<StudyModel, "spec">> | string,
  options: TextOptions & Reports,
): Promise<Packed> {
  return await onModel("pack a text", model, options, packChecks, pack, ["tokenizer"]);
}

async function pack(
  model: Pick<StudyModel, "tokenizer"> & Partial<Pick<StudyModel, "spec">>,
  { text, samples, length, skip, bos, ...fetch }: TextOptions & Reports,
): Promise<Packed> {
  const packing = { samples: skip + samples, length, bos, skip };
  const trained = noticeBeyond(model, "samples", length, fetch);
  const isNamed = textNames.includes(text);
  const packed = async () => {
    const documents = await openText(text, fetch);
    const report = lateMeter(
      { label: "text", total: packing.samples * length, unit: "tokens" },
      fetch.onProgress,
    );
    const name = isNamed ? `the text ${text}` : text;
    return await packBlocks(documents, await model.tokenizer(), packing, report, name);
  };
  const ownIds = !isNamed && await isFile(text) ? await readIds(text) : null;
  const name = ownIds ? IDS : isNamed ? text : "file";
  const { ids } = ownIds
    ? blocksOfIds(ownIds, packing, model.spec?.vocabulary ?? Infinity, text)
    : await packed();
  const blocks = { ids: ids.subarray(skip * length), samples, length };
  return {
    blocks,
    text: { name, hash: textHash(blocks, skip) },
    packing: { samples, length, skip, bos, ...trained === null ? {} : { trained } },
  };
}

/** Given tokens as a text. */
export const packedIds = (blocks: Blocks): Packed => ({
  blocks,
  text: { name: IDS, hash: textHash(blocks) },
  packing: { samples: blocks.samples, length: blocks.length, skip: 0, bos: false },
});

/** Some blocks of a packed text, as if they alone had been packed. */
export function partOf({ blocks, text, packing }: Packed, first: number, samples: number): Packed {
  const { ids, length } = blocks;
  const part = { ids: ids.subarray(first * length, (first + samples) * length), samples, length };
  const skip = packing.skip + first;
  return {
    blocks: part,
    text: { name: text.name, hash: textHash(part, skip) },
    packing: { ...packing, samples, skip },
  };
}

/** Which blocks of a text these are: parts of it have hashes of which the whole's can be made. */
export const textHash = (blocks: Blocks, skip = 0): string => joinHashes(blockHashes(blocks, skip));

async function openText(text: string, fetch: Reports): Promise<AsyncIterable<Document>> {
  if (text === "c4") return readDocuments(await datasetFile(C4.repo, C4.file, fetch));
  if (textNames.includes(text)) return namedText(text, await benchmarkFiles(fetch));
  const found = await stat(text).catch(() => null);
  if (found?.isDirectory()) {
    throw new Error(`Cannot read text ${text}: found a folder, expected a file of plain text or JSONL`);
  }
  if (!found) throw unknownText(text);
  return readDocuments(text);
}

function unknownText(text: string): Error {
  const near = text.length < 3 ? [] : nearNames(text, textNames).slice(0, 1);
  const meant = near.map((name) => ` (did you mean ${name}?)`).join("");
  const isRemote = /^(https?:\/\/|[\w.-]+\/[\w.-]+$)/.test(text) && !/\.(txt|jsonl?|ndjson|gz)$/i.test(text);
  const remedy = isRemote ? "; a data set or a page is saved to a file first, as plain text or JSONL" : "";
  return new Error(
    `Cannot read text ${text}: no such file${meant}, expected a file or one of ` +
      `${textNames.join(", ")}${remedy}`,
  );
}

/** The warnings that each listener has had: a study packs more than one text, and a series has many models. */
const warned = new WeakMap<NonNullable<Reports["onNotice"]>, Set<string>>();

/**
 * Warns of `what`, which are `length` tokens long, if that is longer than any text of the model's training; each listener is warned
 * once. Returns the length of the training, or null where nothing is beyond it.
 */
export function noticeBeyond(
  { spec }: { readonly spec?: Pick<ModelSpec, "trained"> | undefined },
  what: "samples" | "texts",
  length: number,
  { onNotice }: Reports,
): number | null {
  const { trained = Infinity } = spec ?? {};
  if (length <= trained) return null;
  const line = `${what} of ${length} tokens are longer than the ${trained} tokens of the model's training: ` +
    `quality may be lower than on shorter ${what}`;
  if (onNotice && !warned.get(onNotice)?.has(line)) {
    warned.set(onNotice, new Set([...warned.get(onNotice) ?? [], line]));
    onNotice(line);
  }
  return trained;
}
