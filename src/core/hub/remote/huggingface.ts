/**
 * Models and dataset files by their id on the hub. Files that are already here, in Hugging Face's cache or in
 * ours, are used without a request; otherwise the revision is resolved to a commit, and missing files are fetched.
 */
import { filesInTurn, formatBytes, type Reports, sum } from "../../entry/mod.ts";
import { basename, join } from "node:path";
import { checkDisk, statOrNull } from "../cache/cache.ts";
import { type Damaged, damagedAtOnce, damagedFiles, damageOf, damageText } from "../cache/damage.ts";
import { download } from "./download.ts";
import { partialPath } from "../cache/partial.ts";
import { type ByteSource, fileSource } from "../file.ts";
import { type FileEntry, isWeights, type ModelFiles, modelFiles } from "../files.ts";
import { gathered } from "./gather.ts";
import { httpSource, WholeOnly } from "./http.ts";
import { fileEntry, licenceIn } from "../local.ts";
import {
  askFile,
  askFiles,
  askRepo,
  called,
  explained,
  fileUrl,
  instead,
  NOT_STATED,
  type RemoteFile,
  type RemoteRepo,
} from "./hub_api.ts";
import { checkFileName, modelFileNames } from "../layout.ts";
import { isOffline } from "../retry.ts";
import {
  completeModel,
  findSnapshots,
  type HubRepo,
  markUsed,
  ourSnapshot,
  remember,
  type Snapshot,
} from "../cache/snapshots.ts";
import { authorization } from "./hub_fetch.ts";

/** `owner/name` or `owner/name@revision`; null for anything else. */
export function parseHubId(ref: string): HubRepo | null {
  const [, name, revision = "main"] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?$/.exec(ref) ?? [];
  if (name === undefined || revision.includes("..")) return null;
  return { type: "model", name, revision };
}

/**
 * Opens a model of the hub. With `stream`, weights that are not here are read over the network in ranges and not
 * stored. Throws `Error` that says what to do if the hub refuses or cannot be reached.
 */
export async function hubModel(
  repo: HubRepo,
  options: Reports & { stream?: boolean | undefined } = {},
): Promise<ModelFiles> {
  const here = await soundSnapshot(repo, completeModel, options);
  if (here) {
    const { commit, folder, names } = here;
    options.onNotice?.(`${repo.name}: revision ${repo.revision} is commit ${commit}, from the cache`);
    const entries = await Promise.all(names.map((name) => fileEntry(join(folder, name), name)));
    return hubFiles(repo, commit, entries, () => licenceIn(folder));
  }
  const remote = await askRepo(repo, options.signal);
  const listed = await askFiles(repo, remote.commit, options.signal);
  const names = modelFileNames(listed.map(({ path }) => path), repo.name);
  const needed = names.map((name) => listed.find(({ path }) => path === name)!);
  const isStreamed = (file: RemoteFile) => options.stream === true && isWeights(file.path);
  const paths = await fetchFiles(repo, remote, needed.filter((file) => !isStreamed(file)), options);
  const entries = needed.map((file) => {
    const path = paths.get(file.path);
    return path ? fileEntry(path, basename(file.path)) : streamedEntry(repo, remote, file, options);
  });
  const licence = remote.licence === NOT_STATED ? null : remote.licence;
  return hubFiles(repo, remote.commit, await Promise.all(entries), () => Promise.resolve(licence));
}

/**
 * The local path of one file of a dataset, fetched if it is not here:
 * `datasetFile("allenai/c4", "en/c4-validation.00000-of-00008.json.gz")`. `again`: it is compared with its hash though it was before.
 */
export async function datasetFile(
  id: string,
  path: string,
  options: Reports & { again?: boolean } = {},
): Promise<string> {
  const parsed = parseHubId(id);
  if (!parsed) throw new TypeError(`Cannot open the dataset ${id}: expected owner/name[@revision]`);
  checkFileName(path, id);
  const repo: HubRepo = { ...parsed, type: "dataset" };
  const namesIn = async ({ folder }: Snapshot) =>
    (await statOrNull(join(folder, path)))?.isFile ? [path] : null;
  const here = await soundSnapshot(repo, namesIn, options);
  if (here) return join(here.folder, path);
  const remote = await askRepo(repo, options.signal);
  const file = await askFile(repo, remote.commit, path, options.signal);
  const paths = await fetchFiles(repo, remote, [file], options);
  return paths.get(path)!;
}

/** The first snapshot that has the files, all of them sound; null where there is none and the hub may be asked. */
async function soundSnapshot(
  repo: HubRepo,
  namesIn: (snapshot: Snapshot) => Promise<string[] | null>,
  options: Reports & { again?: boolean },
): Promise<Snapshot & { names: string[] } | null> {
  const damaged: Damaged[] = [];
  for (const snapshot of await findSnapshots(repo)) {
    const names = await namesIn(snapshot);
    if (!names) continue;
    const files = names.map((name) => ({ path: join(snapshot.folder, name) }));
    const found = await damagedFiles(files, { ...options, label: repo.name });
    if (found.length === 0) {
      await markUsed(snapshot);
      return { ...snapshot, names };
    }
    options.onNotice?.(`${repo.name}: damaged in the cache (${damageText(found)})`);
    damaged.push(...found);
  }
  await refuseOffline(repo, damaged);
  return null;
}

function hubFiles(
  repo: HubRepo,
  commit: string,
  entries: FileEntry[],
  licence: () => Promise<string | null>,
): ModelFiles {
  const kind = entries.some(({ name }) => name === "config.json") ? "folder" : "gguf";
  const origin = `the hub, ${repo.name} at ${repo.revision}`;
  return modelFiles({ name: repo.name, revision: commit, kind, licence, origin }, entries);
}

/** Fetches the missing ones of these files, in order, and returns the path of each. */
async function fetchFiles(
  repo: HubRepo,
  remote: RemoteRepo,
  files: RemoteFile[],
  options: Reports,
): Promise<Map<string, string>> {
  const folder = ourSnapshot(repo, remote.commit).folder;
  const paths = await presentFiles({ ...repo, revision: remote.commit }, files);
  const lacking = files.filter(({ path }) => !paths.has(path));
  if (lacking.length === 0) return paths;
  await announce(repo, remote, lacking, options);
  await filesInTurn(repo.name, lacking, options, async (file, onBytes) => {
    const target = join(folder, file.path);
    await explained(repo, () =>
      download(fileUrl(repo, remote.commit, file.path), target, file, {
        name: `${repo.name}/${file.path}`,
        headers: authorization(),
        signal: options.signal,
        onBytes,
      }));
    paths.set(file.path, target);
  });
  await remember(repo, remote.commit);
  const fetched = lacking.map(({ path }) => ({ path: paths.get(path)! }));
  const damaged = await damagedFiles(fetched, { ...options, label: repo.name });
  if (damaged.length > 0) throw damagedAtOnce(repo.name, damageText(damaged), folder);
  return paths;
}

async function presentFiles(repo: HubRepo, files: RemoteFile[]): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const { folder } of await findSnapshots(repo)) {
    for (const { path, size } of files) {
      const found = join(folder, path);
      const info = await statOrNull(found);
      if (info?.isFile && info.size === size && await damageOf(found) === null) paths.set(path, found);
    }
  }
  return paths;
}

async function announce(repo: HubRepo, remote: RemoteRepo, files: RemoteFile[], options: Reports) {
  const total = sum(files, ({ size }) => size);
  let here = 0;
  for (const { path } of files) {
    here += (await statOrNull(partialPath(fileUrl(repo, remote.commit, path))))?.size ?? 0;
  }
  const free = await checkDisk(repo.name, total - here);
  options.onNotice?.(
    `${repo.name} at ${remote.commit}: ${formatBytes(total)} in ${files.length} files from the hub, ` +
      `licence: ${remote.licence}; ${formatBytes(free)} free`,
  );
  const unchecked = files.filter(({ sha256, blob }) => sha256 === undefined && blob === undefined);
  if (unchecked.length === 0) return;
  const names = unchecked.map(({ path }) => path).join(", ");
  options.onNotice?.(`${repo.name}: the hub gives no hash for ${names}; only the size is checked`);
}

function streamedEntry(repo: HubRepo, remote: RemoteRepo, file: RemoteFile, options: Reports): FileEntry {
  const { path: name, size, sha256 } = file;
  const source = { name: `${repo.name}/${name}`, headers: authorization(), signal: options.signal, size };
  return {
    name,
    size,
    sha256,
    open: () => Promise.resolve(orWhole(httpSource(fileUrl(repo, remote.commit, name), source), fetchWhole)),
  };

  async function fetchWhole() {
    const paths = await fetchFiles(repo, remote, [file], options);
    return await fileSource(paths.get(name)!);
  }
}

/** Ranges of a source, or of the whole file where the server sends nothing else. */
function orWhole(source: ByteSource, fetchWhole: () => Promise<ByteSource>): ByteSource {
  const ranges = gathered(source);
  let whole: Promise<ByteSource> | undefined;
  return {
    ...ranges,
    async read(start, end) {
      try {
        if (!whole) return await ranges.read(start, end);
      } catch (error) {
        if (!(error instanceof WholeOnly)) throw error;
      }
      return await (await (whole ??= fetchWhole())).read(start, end);
    },
    close: () => void whole?.then((source) => source.close(), () => {}),
  };
}

/** Throws if the user wants no requests to the hub. */
export async function refuseOffline(repo: HubRepo, damaged: readonly Damaged[] = []): Promise<void> {
  if (!isOffline()) return;
  const found = damaged.length ? `damaged in the cache (${damageText(damaged)})` : "not in the cache";
  throw new Error(
    `Cannot open ${called(repo)} at revision ${repo.revision}: it is ${found} and HF_HUB_OFFLINE is set, ` +
      `expected it in the cache; unset HF_HUB_OFFLINE, or ${await instead(repo)}`,
  );
}
