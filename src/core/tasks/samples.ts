/**
 * Answers of a model as lm-eval 0.4.2 and later log them (its option `log_samples`): a file for each task, `samples_TASK_DATE.jsonl`, with a line for each
 * document and filter. A line has hashes of the document, its prompt and its target, and a value for each of its `metrics`.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { failure, shown } from "../entry/mod.ts";
import { readJsonLines } from "../text/mod.ts";

/** One document's answer. */
export interface Sample {
  /** SHA-256 of the document; a data set may have it several times. */
  readonly hash: string;
  /** Place in the data set, which orders equal documents. */
  readonly id: number;
  readonly prompt: string;
  readonly target: string;
  /** 1 for right, 0 for wrong, by metric. */
  readonly values: Readonly<Record<string, number>>;
  readonly line: number;
}

/** What one file, or one filter of it, says of a task. */
export interface TaskSamples {
  readonly task: string;
  /** lm-eval's name of what extracts the answers: "none" if nothing does. */
  readonly filter: string;
  readonly file: string;
  readonly samples: readonly Sample[];
  /** Metrics that are no mean of right and wrong answers. */
  readonly others: readonly string[];
}

/** The most characters that a line may have; the longest lines of real files have about 100,000. */
const LONGEST = 2 ** 24;
const NAME = /^samples_(.+?)(?:_\d{4}-\d\d-\d\dT[\d.-]+)?\.jsonl(?:\.gz)?$/;

/**
 * Reads a file of samples, or all `samples_*.jsonl` of a folder. Throws `Error` that names file and line where a line is not as lm-eval writes it,
 * a document comes twice or a value is no number, and one that names both files where a task has two.
 */
export async function readSamples(path: string): Promise<TaskSamples[]> {
  const files = await filesAt(path);
  const found = new Map<string, TaskSamples>();
  for (const file of files) {
    for (const own of await readFile(file)) {
      const key = `${own.task} ${own.filter}`;
      const other = found.get(key);
      if (other) {
        throw new RangeError(
          `Cannot read ${path}: found task ${own.task} in ${basename(other.file)} and ${basename(file)}, ` +
            "expected one file for it",
        );
      }
      found.set(key, own);
    }
  }
  return [...found.values()];
}

async function filesAt(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => NAME.test(name)).sort();
    if (names.length > 0) return names.map((name) => join(path, name));
  } catch (error) {
    throw failure(`Cannot read ${path}`, error);
  }
  throw new RangeError(
    `Cannot read ${path}: found no samples_*.jsonl, expected samples that lm-eval logged`,
  );
}

async function readFile(file: string): Promise<TaskSamples[]> {
  const task = NAME.exec(basename(file))?.[1] ?? basename(file).replace(/\.jsonl(\.gz)?$/, "");
  const filters = new Map<string, { samples: Sample[]; others: Set<string>; lines: Map<string, number> }>();
  for await (const { line, row } of readJsonLines(file, LONGEST)) {
    const wrong = (what: string, found: unknown, expected: string) =>
      new TypeError(`Cannot read ${file}, line ${line}: ${what} is ${shown(found)}, expected ${expected}`);
    const hash = (name: string) => {
      const value = row[name];
      if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return value;
      throw wrong(name, value, "a SHA-256, as lm-eval 0.4.2 and later log it");
    };
    const { doc_id: id, filter, metrics } = row;
    if (!Number.isSafeInteger(id)) throw wrong("doc_id", id, "a whole number");
    if (typeof filter !== "string") throw wrong("filter", filter, "a name");
    if (!Array.isArray(metrics) || !metrics.every((name) => typeof name === "string")) {
      throw wrong("metrics", metrics, "a list of names");
    }
    const own = filters.get(filter) ??
      { samples: [] as Sample[], others: new Set<string>(), lines: new Map<string, number>() };
    filters.set(filter, own);
    const values: Record<string, number> = {};
    for (const name of metrics) {
      const value = typeof row[name] === "boolean" ? Number(row[name]) : row[name];
      if (value === 0 || value === 1) values[name] = value;
      else if (typeof value === "number" || Array.isArray(value)) own.others.add(name);
      else throw wrong(name, value, "0, 1 or another number");
    }
    const sample: Sample = {
      hash: hash("doc_hash"),
      id: id as number,
      prompt: hash("prompt_hash"),
      target: hash("target_hash"),
      values,
      line,
    };
    const before = own.lines.get(`${sample.hash} ${id}`);
    if (before !== undefined) {
      throw new RangeError(
        `Cannot read ${file}, line ${line}: found document ${id} of line ${before} again, expected it once for each filter`,
      );
    }
    own.lines.set(`${sample.hash} ${id}`, line);
    own.samples.push(sample);
  }
  if (filters.size === 0) {
    throw new RangeError(`Cannot read ${file}: found no samples, expected at least one line`);
  }
  return [...filters].map(([filter, { samples, others }]) => ({
    task,
    filter,
    file,
    samples,
    others: [...others],
  }));
}
