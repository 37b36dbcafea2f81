import { isFile } from "../disk/mod.ts";
import type { Reports } from "../entry/mod.ts";
import { isBenchmarkCached } from "../hub/mod.ts";
import type { Provenance } from "../result/mod.ts";
import { type Ids, TEXT_NAMES } from "../text/mod.ts";
import type { StudyModel } from "./model.ts";
import { IDS, packText, textNames } from "./texts.ts";

/** Tokens that are packed again at most, skipped ones included: some ten seconds. */
const MOST_TOKENS = 2 ** 20;

/**
 * Packs the text that a provenance names, from the cache or from one of the texts `own` that the present study reads; results keep no
 * path of a file. Returns null if the text cannot be had here or has another hash, which covers every token. Fetches nothing.
 */
export async function packAgain(
  model: StudyModel,
  { text, packing }: Pick<Provenance, "text" | "packing">,
  own: readonly string[],
  { signal }: Pick<Reports, "signal">,
): Promise<Ids | null> {
  const { samples, length, skip, bos } = packing;
  if (!((skip + samples) * length <= MOST_TOKENS)) return null;
  const silent = { signal, onProgress: () => {}, onNotice: () => {} };
  for (const name of await placesOf(text.name, own)) {
    signal?.throwIfAborted();
    const sizes = { samples, length, skip, bos };
    const again = await packText(model, { text: name, ...sizes, ...silent }).catch(() => null);
    if (again?.text.hash === text.hash) return again.blocks.ids;
  }
  signal?.throwIfAborted(); // otherwise a failure means that the text cannot be had
  return null;
}

/** What `packText` may read without the network to find a text of this name. */
async function placesOf(name: string, own: readonly string[]): Promise<string[]> {
  if (name === "file" || name === IDS) {
    const files: string[] = [];
    for (const text of own) if (!textNames.includes(text) && await isFile(text)) files.push(text);
    return files; // a pipe that has been read would be waited for
  }
  if (own.includes(name)) return [name]; // the study has just read it
  const packaged = (TEXT_NAMES as readonly string[]).includes(name);
  return packaged && await isBenchmarkCached().catch(() => false) ? [name] : [];
}
