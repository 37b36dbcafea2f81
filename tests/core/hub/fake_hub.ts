/**
 * A hub on this machine: the endpoints that the hub room uses, with faults on order. Large files are redirected to
 * a second server, as the real hub does.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { withFolder } from "../../support.ts";
import { words } from "../../tools.ts";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** What a server does with one request for bytes, instead of answering well. */
export type Fault =
  /** Answers with a status, and asks for so many seconds until the next try; none unless set. */
  | { kind: "status"; status: number; wait?: number }
  /** Sends so many bytes, then breaks the connection. */
  | { kind: "drop"; after: number }
  /** Sends so many bytes, then ends as if that were all. */
  | { kind: "truncate"; after: number }
  /** Sends other bytes of the same length. */
  | { kind: "corrupt" }
  /** Ignores the range. */
  | { kind: "whole" }
  /** Sends another range than asked for. */
  | { kind: "shift" };

export interface FakeHub {
  readonly url: string;
  /** Files of the one repository, by path; those above 100 bytes are "LFS" files. */
  readonly files: Map<string, Uint8Array>;
  /** Faults of the next requests for a file, first to last. */
  readonly faults: Map<string, Fault[]>;
  /** All requests: method, path and range. */
  readonly log: string[];
  /** The token that arrived with the last request to each server. */
  readonly tokens: { hub: string | null; store: string | null };
  /** Status of everything about the repository; 200 unless set. */
  status: number;
  /** Replaces the listing's answer, if set. */
  listing?: unknown;
  /** Branches besides `main` and `v1`: each has a commit and files of its own. */
  readonly branches: Map<string, Branch>;
  /** Replaces the answer about branches and tags, if set. */
  refs?: unknown;
  /** Answers a request in the hub's place, where it gives something. */
  intercept?: (request: Request) => Response | undefined;
  /** What happens to the n-th request for bytes of a branch; may take its time. */
  disturb?: (n: number) => Promise<Fault | undefined>;
}

/** A branch of the repository. */
export type Branch = { readonly commit: string; readonly files: ReadonlyMap<string, Uint8Array> };

export type Files = Readonly<Record<string, Uint8Array>>;
type HubTest = (hub: FakeHub, folder: string) => Promise<void>;

/** Runs a test with a hub that has these files, an empty cache, an empty Hugging Face cache and clean settings. */
export async function withHub(...given: [HubTest] | [Files, HubTest]): Promise<void> {
  const [files, test] = given.length === 2 ? given : [{}, ...given];
  const hub: FakeHub & { url: string } = {
    ...{ url: "", status: 200, tokens: { hub: null, store: null }, log: [] },
    ...{ files: new Map(Object.entries(files)), faults: new Map(), branches: new Map() },
  };
  await using store = serve(storeAnswers(hub));
  await using front = serve((request) => hubAnswer(hub, store.url, request));
  hub.url = front.url;
  await withCache((folder) => test(hub, folder), { HF_ENDPOINT: front.url });
}

/** Runs a test with empty caches in a folder of its own and without the user's settings. */
export function withCache(
  test: (folder: string) => Promise<void>,
  settings: Record<string, string> = {},
): Promise<void> {
  return withFolder(async (folder) => {
    const before = SETTINGS.map((name) => [name, Deno.env.get(name)] as const);
    for (const name of SETTINGS.slice(0, -1)) Deno.env.delete(name);
    const own = { LAMINA_CACHE: "cache", HF_HOME: "home", HF_HUB_CACHE: "huggingface" };
    for (const [name, place] of Object.entries(own)) Deno.env.set(name, join(folder, place));
    for (const [name, value] of Object.entries(settings)) Deno.env.set(name, value);
    try {
      await test(folder);
    } finally {
      for (const [name, value] of before) {
        value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
      }
    }
  });
}

const SETTINGS =
  words`HF_ENDPOINT HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_HOME HF_HUB_OFFLINE HF_HUB_CACHE
  LAMINA_CACHE PATH`;

/** Lays a model out as Hugging Face's libraries do: blobs by hash, links in snapshots, a ref. */
export async function layOut(cache: string, files: Record<string, Uint8Array | undefined>): Promise<void> {
  const repo = join(cache, "models--owner--name");
  for (const folder of ["blobs", "refs", `snapshots/${COMMIT}`]) {
    await Deno.mkdir(join(repo, folder), { recursive: true });
  }
  await Deno.writeTextFile(join(repo, "refs/main"), COMMIT);
  for (const [name, bytes] of Object.entries(files)) {
    if (!bytes) continue;
    const blob = bytes.length > 100 ? sha256(bytes) : gitHash(bytes);
    await Deno.writeFile(join(repo, "blobs", blob), bytes);
    await Deno.symlink(`../../blobs/${blob}`, join(repo, "snapshots", COMMIT, name), { type: "file" });
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The hash that git gives a file. */
function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** Bytes that differ from place to place, so that a wrong offset shows. */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7) & 255);
}

/** Serves a handler on a free port; closes with the scope. */
export function serve(handler: (request: Request) => Response | Promise<Response>) {
  const options = { port: 0, hostname: "127.0.0.1", onListen() {}, onError: () => new Response(null) };
  const server = Deno.serve(options, handler);
  return { url: `http://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** An address at which nothing listens. */
export function closedPort(): string {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return `http://127.0.0.1:${port}`;
}

async function hubAnswer(hub: FakeHub, store: string, request: Request): Promise<Response> {
  const url = new URL(request.url);
  hub.tokens.hub = request.headers.get("authorization");
  hub.log.push(`${request.method} ${url.pathname} ${request.headers.get("range") ?? ""}`.trim());
  const other = hub.intercept?.(request);
  if (other) return other;
  const fail = hub.status !== 200 && Response.json({ error: "no" }, { status: hub.status });
  if (fail) return fail;
  const [, , revision = ""] = /^\/api\/(models|datasets)\/owner\/name\/revision\/(.+)$/.exec(url.pathname) ??
    [];
  if (url.pathname.includes("/revision/")) {
    const branch = [...hub.branches].find(([name, { commit }]) => name === revision || commit === revision)
      ?.[1];
    if (!branch && !["main", "v1", COMMIT].includes(revision)) {
      return Response.json({ error: `no revision ${revision}` }, { status: 404 });
    }
    const sha = branch?.commit ?? COMMIT;
    return Response.json({ _id: "1", id: "owner/name", sha, cardData: { license: "mit" } });
  }
  if (url.pathname === "/api/models/owner/name/refs") return Response.json(hub.refs ?? refs(hub));
  const [, what, commit, rest] = /\/owner\/name\/(tree|paths-info|resolve)\/([0-9a-f]{40})(?:\/(.+))?$/.exec(
    url.pathname,
  ) ?? [];
  const files = filesAt(hub, commit);
  if (what === "tree" && files) return Response.json(hub.listing ?? listing(files));
  if (what === "paths-info" && files) {
    const { paths } = await request.json();
    return Response.json(listing(files).filter(({ path }) => paths.includes(path)));
  }
  const path = decodeURIComponent(rest ?? "");
  const bytes = files?.get(path);
  if (!bytes) return new Response(null, { status: 404 });
  if (bytes.length > 100) {
    return Response.redirect(`${store}/${commit === COMMIT ? "" : `${commit}/`}${path}`, 302);
  }
  return rangeAnswer(bytes, request, hub.faults.get(path)?.shift());
}

/** The second server: `PATH` of the first commit, `COMMIT/PATH` of a branch. */
function storeAnswers(hub: FakeHub): (request: Request) => Promise<Response> {
  let count = 0;
  return async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    hub.tokens.store = request.headers.get("authorization");
    hub.log.push(`STORE ${path} ${request.headers.get("range") ?? ""}`);
    const [, commit, name] = /^([0-9a-f]{40})\/(.+)$/.exec(path) ?? [];
    if (commit === undefined) {
      return rangeAnswer(hub.files.get(path)!, request, hub.faults.get(path)?.shift());
    }
    const fault = await hub.disturb?.(count++);
    return rangeAnswer(filesAt(hub, commit)!.get(name)!, request, fault);
  };
}

function filesAt(hub: FakeHub, commit: string): ReadonlyMap<string, Uint8Array> | undefined {
  if (commit === COMMIT) return hub.files;
  return [...hub.branches.values()].find((branch) => branch.commit === commit)?.files;
}

function refs(hub: FakeHub) {
  const branches = [...hub.branches].map(([name, { commit: targetCommit }]) => (
    { name, ref: `refs/heads/${name}`, targetCommit }
  ));
  const main = { name: "main", ref: "refs/heads/main", targetCommit: COMMIT };
  const tag = { name: "v1", ref: "refs/tags/v1", targetCommit: COMMIT };
  return { branches: [main, ...branches], converts: [], tags: [tag] };
}

function listing(files: ReadonlyMap<string, Uint8Array>) {
  return [...files].map(([path, bytes]) => {
    const large = { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } };
    const entry = { type: "file", path, oid: gitHash(bytes), size: bytes.length };
    return { ...entry, ...bytes.length > 100 ? large : {} };
  });
}

/** Answers a request for bytes as a server of files does, or with a fault. */
export function rangeAnswer(bytes: Uint8Array, request: Request, fault?: Fault): Response {
  if (fault?.kind === "status") {
    return new Response("no", { status: fault.status, headers: { "retry-after": `${fault.wait ?? 0}` } });
  }
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
  if (first === undefined || fault?.kind === "whole") return new Response(bytes.slice());
  const start = Number(first) + (fault?.kind === "shift" ? 1 : 0);
  const end = Math.min(last ? Number(last) + 1 : bytes.length, bytes.length);
  const headers = { "content-range": `bytes ${start}-${end - 1}/${bytes.length}`, etag: '"1"' };
  const part = bytes.slice(start, end);
  if (fault?.kind === "corrupt") part.fill(0);
  const sent = fault && "after" in fault ? part.subarray(0, fault.after) : part;
  return new Response(fault?.kind === "drop" ? broken(sent) : sent, { status: 206, headers });
}

function broken(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream({
    async pull(controller) {
      if (!sent && bytes.length > 0) return controller.enqueue(bytes), void (sent = true);
      await new Promise((resolve) => setTimeout(resolve, 20)); // lets the bytes go out first
      controller.error(new Error("the connection breaks"));
    },
  });
}
