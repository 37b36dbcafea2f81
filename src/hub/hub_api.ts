/**
 * What the hub says of a repository: its commit, its licence and its files with their sizes and hashes. The requests
 * are those of `@huggingface/hub`; this adds the settings from the environment (HF_ENDPOINT, HF_TOKEN,
 * HF_HUB_OFFLINE), deadlines, and errors that say what to do.
 */
import { datasetInfo, HUB_URL, HubApiError, listFiles, modelInfo, pathsInfo } from "@huggingface/hub";
import { HttpError } from "./http.ts";
import { checkFileName } from "./layout.ts";
import { readManifest } from "./manifest.ts";
import { type HubRepo, isCommit } from "./snapshots.ts";

const ANSWER = 15_000; // ms for a request about a repository
const MAX_FILES = 10_000;

/** What is known of a remote file before it is fetched. */
export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  /** SHA-256 of the content (large files). */
  readonly sha256?: string;
  /** Git's hash of the content (small files). */
  readonly blob?: string;
}

/** A repository at a commit. */
export interface RemoteRepo {
  readonly commit: string;
  readonly licence: string;
}

/** The hub's address, without a slash at its end. */
export function endpoint(): string {
  return (Deno.env.get("HF_ENDPOINT") || HUB_URL).replace(/\/+$/, "");
}

/** Whether the user wants nothing to be asked of the hub. */
export function isOffline(): boolean {
  return /^(1|true|yes|on)$/i.test(Deno.env.get("HF_HUB_OFFLINE") ?? "");
}

/** The headers that go with every request to the hub. */
export function authorization(): Record<string, string> {
  const token = Deno.env.get("HF_TOKEN");
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Where a file's bytes are. */
export function fileUrl(repo: HubRepo, commit: string, path: string): string {
  const room = repo.type === "dataset" ? "datasets/" : "";
  return `${endpoint()}/${room}${repo.name}/resolve/${commit}/${
    path.split("/").map(encodeURIComponent).join("/")
  }`;
}

/** Asks for the commit of a revision and for the licence. */
export async function askRepo(repo: HubRepo, signal?: AbortSignal): Promise<RemoteRepo> {
  const common = { name: repo.name, revision: repo.revision, hubUrl: endpoint(), fetch: hubFetch(signal) };
  const info: { sha?: unknown; cardData?: { license?: unknown } } = await explained(
    repo,
    async () =>
      repo.type === "dataset"
        ? await datasetInfo({ ...common, additionalFields: ["sha", "cardData"] })
        : await modelInfo({ ...common, additionalFields: ["sha", "cardData"] }),
  );
  if (!isCommit(info.sha)) {
    throw new Error(`Cannot use ${repo.name}: the hub gives ${JSON.stringify(info.sha)}, expected a commit`);
  }
  const licence = info.cardData?.license;
  return { commit: info.sha, licence: typeof licence === "string" ? licence : "not stated" };
}

/** Lists the files at the top of a repository. */
export async function askFiles(repo: HubRepo, commit: string, signal?: AbortSignal): Promise<RemoteFile[]> {
  return await explained(repo, async () => {
    const files: RemoteFile[] = [];
    const listing = listFiles({ repo, revision: commit, hubUrl: endpoint(), fetch: hubFetch(signal) });
    for await (const item of listing) {
      if (item.type === "file") files.push(remoteFile(item, repo));
      if (files.length > MAX_FILES) {
        throw new RangeError(`Cannot use ${repo.name}: more than ${MAX_FILES} files, expected a model`);
      }
    }
    return files;
  });
}

/** Asks for one file by its path. */
export async function askFile(
  repo: HubRepo,
  commit: string,
  path: string,
  signal?: AbortSignal,
): Promise<RemoteFile> {
  const found = await explained(
    repo,
    () => pathsInfo({ repo, revision: commit, paths: [path], hubUrl: endpoint(), fetch: hubFetch(signal) }),
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
    if (error instanceof HubApiError) throw await refusal(repo, error.statusCode);
    if (error instanceof HttpError) throw await refusal(repo, error.status);
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new Error(
      `Cannot open ${repo.name}: ${endpoint()} answers what is not the hub's JSON (${error.message}), ` +
        `expected the hub (HF_ENDPOINT); ${await instead()}`,
    );
  }
}

/** What to do where the hub cannot be asked. */
export async function instead(): Promise<string> {
  const names = (await readManifest()).models.map(({ alias }) => alias).join(", ");
  return `a folder in Hugging Face layout, a .gguf file or a packaged model (${names}) needs no hub`;
}

async function refusal({ type, name, revision }: HubRepo, status: number): Promise<Error> {
  const page = `${endpoint()}/${type === "dataset" ? "datasets/" : ""}${name}`;
  const token = Deno.env.get("HF_TOKEN") ? "HF_TOKEN is set, but may not read it" : "HF_TOKEN is not set";
  const what = `Cannot open ${name} at revision ${revision}: the hub answers ${status}`;
  if (status === 401) {
    return new Error(
      `${what} (no such repository, or one that needs a token; ${token}), expected access; ` +
        `check the name, accept the licence at ${page} if it asks for that, and set HF_TOKEN to a token of that account`,
    );
  }
  if (status === 403) {
    return new Error(
      `${what} (${token}), expected access; accept the licence at ${page} ` +
        "and set HF_TOKEN to a token of that account that may read gated repositories",
    );
  }
  if (status === 404) {
    return new Error(`${what}, expected a repository, revision and file that exist (${page})`);
  }
  return new Error(`${what}, expected 200; try again later, or: ${await instead()}`);
}

/** `fetch` with a deadline; the token goes to the hub's own host only. */
export function hubFetch(signal?: AbortSignal): typeof fetch {
  const hub = new URL(endpoint());
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init?.headers);
    if (url.origin === hub.origin) {
      for (const [key, value] of Object.entries(authorization())) headers.set(key, value);
    }
    const timeout = AbortSignal.timeout(ANSWER);
    try {
      return await fetch(url, {
        ...init,
        headers,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
    } catch (error) {
      signal?.throwIfAborted();
      const reason = timeout.aborted ? `no answer for ${ANSWER / 1000} s` : (error as Error).message;
      throw new Error(
        `Cannot reach ${hub.origin}: ${reason}, expected the hub (HF_ENDPOINT); ${await instead()}`,
      );
    }
  };
}

interface Listed {
  path: string;
  size: number;
  oid?: string;
  lfs?: { oid: string; size: number };
}

/** Takes over what the server says, checked: it becomes a path and an allocation. */
function remoteFile(item: Listed, repo: HubRepo): RemoteFile {
  checkFileName(item.path, repo.name);
  const size = item.lfs?.size ?? item.size;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(`Cannot use ${item.path} of ${repo.name}: ${size} bytes, expected a size`);
  }
  const hash = item.lfs?.oid ?? item.oid;
  if (typeof hash !== "string") return { path: item.path, size };
  if (/^[0-9a-f]{64}$/.test(hash)) return { path: item.path, size, sha256: hash };
  return { path: item.path, size, blob: /^[0-9a-f]{40}$/.test(hash) ? hash : undefined };
}
