/**
 * Hub files on this machine, in Hugging Face's own cache or in ours. Both have the same layout:
 *
 *     models--OWNER--NAME/refs/REVISION            the commit that a branch or tag pointed to when it was fetched
 *     models--OWNER--NAME/snapshots/COMMIT/FILE
 */
import { dirname, join } from "node:path";
import * as Hub from "@huggingface/hub";
import { writeWhole } from "../../disk/mod.ts";
import { cacheFolder, isFolder, isForbidden, makeFolder, statOrNull, touch, writing } from "./cache.ts";
import { hasTokenizer, modelFileNames, WEIGHTS_INDEX } from "../layout.ts";
import { folderNames } from "../local.ts";

export interface HubRepo {
  readonly type: "model" | "dataset";
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** A snapshot that is here, complete or not. */
export type Snapshot = { readonly commit: string; readonly folder: string };

/** The snapshots of a revision that are here: Hugging Face's first, then ours. */
export async function findSnapshots(repo: HubRepo): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for (const root of [Hub.getHFHubCachePath(), join(cacheFolder(), "hub")]) {
    const snapshot = await snapshotIn(join(root, Hub.getRepoFolderName(repo)), repo.revision);
    if (snapshot) found.push(snapshot);
  }
  return found;
}

/** The snapshot of a revision in a repository's folder, if there is a readable one. */
async function snapshotIn(repo: string, revision: string): Promise<Snapshot | null> {
  try {
    const commit = await commitOf(repo, revision);
    const folder = join(repo, "snapshots", commit ?? "");
    if (commit === undefined || !await isFolder(folder)) return null;
    await Deno.readDir(folder)[Symbol.asyncIterator]().next();
    return { commit, folder };
  } catch (error) {
    if (isForbidden(error)) return null;
    throw error;
  }
}

/** Our snapshot of a commit, which may not be there yet. */
export function ourSnapshot(repo: HubRepo, commit: string): Snapshot {
  return { commit, folder: join(cacheFolder(), "hub", Hub.getRepoFolderName(repo), "snapshots", commit) };
}

export async function markUsed(snapshot: Snapshot): Promise<void> {
  if (snapshot.folder.startsWith(cacheFolder())) await touch(join(snapshot.folder, "..", ".."));
}

export async function remember(repo: HubRepo, commit: string): Promise<void> {
  if (repo.revision === commit) return;
  const ref = join(cacheFolder(), "hub", Hub.getRepoFolderName(repo), "refs", repo.revision);
  await makeFolder(dirname(ref));
  await writing(repo.name, commit.length, () => writeWhole(ref, commit));
}

/**
 * The names of the model's files if the snapshot has all of them, otherwise null. Weights are fetched last, so that with them
 * everything is there; Hugging Face's cache may also hold a model without its tokenizer, and links that lead nowhere.
 */
export async function completeModel(snapshot: Snapshot): Promise<string[] | null> {
  const here = await folderNames(snapshot.folder);
  const names = [...here, ...await looseLinks(snapshot.folder)];
  let needed: string[], shards: Set<unknown>;
  try {
    needed = modelFileNames(names, snapshot.folder);
    const index = needed.includes(WEIGHTS_INDEX)
      ? await Deno.readTextFile(join(snapshot.folder, WEIGHTS_INDEX))
      : "{}";
    shards = new Set(Object.values(JSON.parse(index)?.weight_map ?? {}));
  } catch {
    return null; // no model, or an index that cannot be read
  }
  if (!needed[0].endsWith(".gguf") && !hasTokenizer(names)) return null;
  return [...needed, ...shards].every((name) => here.some((file) => file === name)) ? needed : null;
}

async function looseLinks(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isSymlink } of Deno.readDir(folder)) {
    if (isSymlink && !await statOrNull(join(folder, name))) names.push(name);
  }
  return names;
}

async function commitOf(folder: string, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const ref = join(folder, "refs", revision);
  if (!(await statOrNull(ref))?.isFile) return undefined;
  const commit = (await Deno.readTextFile(ref)).trim();
  return isCommit(commit) ? commit : undefined;
}

export function isCommit(revision: unknown): revision is string {
  return typeof revision === "string" && /^[0-9a-f]{40}$/.test(revision);
}
