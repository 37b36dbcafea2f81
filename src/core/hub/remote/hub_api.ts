/**
 * The hub's answers about a repository: its commit, its licence and its files with their sizes and hashes. The requests are those
 * of `@huggingface/hub`, sent by `hubFetch`; refusals become errors that say what to do.
 */
import * as Hub from "@huggingface/hub";
import { isRecord, oneLine, shown } from "../../entry/mod.ts";
import { HttpError } from "./http.ts";
import { endpoint, findToken, hubFetch, shownEndpoint } from "./hub_fetch.ts";
import { checkFileName } from "../layout.ts";
import { readManifest } from "../packages/manifest.ts";
import { Dropped } from "../retry.ts";
import { type HubRepo, isCommit } from "../cache/snapshots.ts";

/** Characters of a licence that are shown: the longest identifier of the hub has 31. */
const MOST_LICENCE = 60;
/** What stands for a licence that a repository does not state. */
export const NOT_STATED = "not stated";
const MAX_ENTRIES = 10_000; // files and folders at the top of a repository: a model has less than a thousand

/** A remote file before it is fetched. */
export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  readonly sha256?: string | undefined;
  /** Git's hash of the content (small files). */
  readonly blob?: string | undefined;
}

export type RemoteRepo = { readonly commit: string; readonly licence: string };

export function fileUrl(repo: HubRepo, commit: string, path: string): string {
  const room = repo.type === "dataset" ? "datasets/" : "";
  return `${endpoint()}/${room}${repo.name}/resolve/${commit}/${
    path.split("/").map(encodeURIComponent).join("/")
  }`;
}

const areRecords = (value: unknown) => Array.isArray(value) && value.every(isRecord);

/** `fetch` for requests whose answers the hub's client takes apart without a look. Throws `TypeError` for JSON of another form. */
function answering(
  { name }: HubRepo,
  expected: string,
  fits: (value: unknown) => boolean,
  signal?: AbortSignal,
): typeof fetch {
  const ask = hubFetch(name, signal);
  return async (input, init) => {
    const response = await ask(input, init);
    const value = await response.clone().json();
    if (fits(value)) return response;
    throw new TypeError(`found ${shown(value)}, expected ${expected}`);
  };
}

/** Asks for the commit of a revision and for the licence. */
export async function askRepo(repo: HubRepo, signal?: AbortSignal): Promise<RemoteRepo> {
  const common = {
    name: repo.name,
    revision: repo.revision,
    hubUrl: endpoint(),
    fetch: answering(repo, "an object", isRecord, signal),
  };
  const info: { sha?: unknown; cardData?: { license?: unknown } } = await explained(
    repo,
    async () =>
      repo.type === "dataset"
        ? await Hub.datasetInfo({ ...common, additionalFields: ["sha", "cardData"] })
        : await Hub.modelInfo({ ...common, additionalFields: ["sha", "cardData"] }),
  );
  if (!isCommit(info.sha)) {
    throw new Error(
      `Cannot use ${repo.name}: the hub returned ${shown(info.sha)}, expected a commit`,
    );
  }
  const { license } = info.cardData ?? {};
  const licence = typeof license === "string" ? oneLine(license, MOST_LICENCE) : "";
  return { commit: info.sha, licence: licence || NOT_STATED };
}

/** Lists the files at the top of a repository. */
export async function askFiles(repo: HubRepo, commit: string, signal?: AbortSignal): Promise<RemoteFile[]> {
  return await explained(repo, async () => {
    const files: RemoteFile[] = [];
    const fetch = answering(repo, "a list of objects", areRecords, signal);
    let entries = 0;
    for await (const item of Hub.listFiles({ repo, revision: commit, hubUrl: endpoint(), fetch })) {
      if (++entries > MAX_ENTRIES) {
        throw new RangeError(
          `Cannot use ${repo.name}: found more than ${MAX_ENTRIES} entries, expected a model`,
        );
      }
      if (item?.type === "file") files.push(remoteFile(item, repo));
    }
    return files;
  });
}

export async function askFile(
  repo: HubRepo,
  commit: string,
  path: string,
  signal?: AbortSignal,
): Promise<RemoteFile> {
  const fetch = answering(repo, "a list of objects", areRecords, signal);
  const found = await explained(
    repo,
    () => Hub.pathsInfo({ repo, revision: commit, paths: [path], hubUrl: endpoint(), fetch }),
  );
  const file = found.find((item) => item.path === path && item.type === "file");
  if (!file) {
    throw new Error(`Cannot find ${path} in ${repo.name} at ${commit}, expected a file of that repository`);
  }
  return remoteFile(file, repo);
}

/** Runs requests; turns the hub's refusals, and its absence, into errors that say what to do. */
export async function explained<T>(repo: HubRepo, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HttpError) throw await refusal(repo, error);
    if (error instanceof Dropped && error.status) {
      throw await refusal(repo, new HttpError(repo.name, error.status), error.wait);
    }
    const hub = (found: string, remedy: string) =>
      new Error(
        `Cannot open ${called(repo)}: ${shownEndpoint()} ${found}, expected the hub (HF_ENDPOINT); ${remedy}`,
      );
    if (error instanceof Dropped) {
      throw hub(`cannot be reached (${error.message})`, `try again later, or ${await instead(repo)}`);
    }
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw hub(`did not answer with the hub's JSON (${error.message})`, await instead(repo));
  }
}

export async function instead({ type }: HubRepo): Promise<string> {
  if (type === "dataset") return "use a file on this machine";
  const names = (await readManifest()).models.map(({ alias }) => alias).join(", ");
  return `use a folder in Hugging Face layout, a .gguf file or a packaged model (${names})`;
}

/** A repository in an error: a text or a task may need a dataset that the user never named. */
export const called = ({ type, name }: HubRepo): string => type === "dataset" ? `the dataset ${name}` : name;

async function refusal(repo: HubRepo, { status, code, origin }: HttpError, wait = 0): Promise<Error> {
  const { type, name, revision } = repo;
  const page = `${shownEndpoint()}/${type === "dataset" ? "datasets/" : ""}${name}`;
  const opened = `Cannot open ${called(repo)} at revision ${revision}`;
  if (origin !== null && origin !== new URL(endpoint()).origin && code === null) {
    return new Error(
      `${opened}: ${origin}, to which the hub redirected, answered ${status}, expected 200; ` +
        `try again later, select a mirror (HF_ENDPOINT), or ${await instead(repo)}`,
    );
  }
  const what = `${opened}: the hub answered ${status}`;
  const token = findToken();
  const held = token
    ? `the token from ${token.from} does not give access`
    : "HF_TOKEN is not set and no login is stored";
  const login = "run `hf auth login` or set HF_TOKEN to a token of that account";
  if (code === "GatedRepo" || status === 403) {
    return new Error(
      `${what} (gated or private; ${held}), expected access; accept the licence at ${page}, then ${login} that may read gated repositories`,
    );
  }
  if (status === 401) {
    return new Error(
      `${what} (no such repository, or a private or gated one; ${held}), expected access; ` +
        `check the spelling; if it exists, accept the licence at ${page} if required, and ${login}`,
    );
  }
  if (status === 404) {
    const missing = code === "RevisionNotFound"
      ? "a branch, tag or commit of that repository"
      : code === "EntryNotFound"
      ? "a file of that repository"
      : "a repository, revision and file that exist";
    return new Error(
      `${what}, expected ${missing}; check the spelling at ${page} (a private one needs a token)`,
    );
  }
  return new Error(
    `${what}, expected 200; try again ${
      wait > 0 ? `in ${Math.ceil(wait / 1000)} s` : "later"
    }, or ${await instead(repo)}`,
  );
}

type Listed = { path: string; size: number; oid?: string; lfs?: { oid?: string; size: number } };

/**
 * Checks the server's answer, which becomes a path, an allocation and the expected hash. A file without any hash
 * is fetched with a notice, but a malformed hash is an error: ignoring it would switch the check off.
 */
function remoteFile(item: Listed, repo: HubRepo): RemoteFile {
  checkFileName(item.path, repo.name);
  const size = item.lfs?.size ?? item.size;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(
      `Cannot use ${item.path} of ${repo.name}: its size is ${shown(size)}, expected a number of bytes`,
    );
  }
  if (item.lfs) return { path: item.path, size, sha256: hashOf(item, item.lfs.oid, 64, repo) };
  if (item.oid === undefined) return { path: item.path, size };
  return { path: item.path, size, blob: hashOf(item, item.oid, 40, repo) };
}

function hashOf({ path }: Listed, hash: unknown, digits: number, repo: HubRepo): string {
  if (typeof hash === "string" && hash.length === digits && /^[0-9a-f]+$/.test(hash)) return hash;
  const found = oneLine(JSON.stringify(hash) ?? "missing", 100);
  throw new TypeError(
    `Cannot use ${path} of ${repo.name}: its hash is ${found}, expected ${digits} hexadecimal digits`,
  );
}

const MAX_REFS = 100_000;

/** Lists a model's branches, then its tags, each with its current commit. */
export async function askRefs(repo: HubRepo, signal?: AbortSignal) {
  return await explained(repo, async () => {
    const response = await hubFetch(repo.name, signal)(`${endpoint()}/api/models/${repo.name}/refs`);
    const { branches, tags } = await response.json() ?? {};
    return [...readRefs(branches, "branches"), ...readRefs(tags, "tags")];
  });
}

function readRefs(list: unknown, what: string): Readonly<Record<"name" | "commit", string>>[] {
  if (!Array.isArray(list) || list.length > MAX_REFS) {
    throw new TypeError(
      `${what} is ${Array.isArray(list) ? `${list.length} long` : typeof list}, expected a list`,
    );
  }
  return list.map((item) => {
    const { name, targetCommit: commit } = item ?? {};
    if (typeof name === "string" && isCommit(commit)) return { name, commit };
    throw new TypeError(`${what} has ${JSON.stringify(item)?.slice(0, 100)}, expected a name and a commit`);
  });
}
