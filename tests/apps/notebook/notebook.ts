/** Notebooks as files: their cells, what the cells show, and a kernel to run them in. */
import { fileURLToPath } from "node:url";
import { missingPackages } from "core/hub/mod.ts";
import { environment, install, python } from "../../../src/apps/lab/jupyter.ts";
import { manifests, VERSION } from "core/result/mod.ts";
import "features/mod.ts";
import { thorough } from "../../support.ts";
import { printed } from "../../tools.ts";

/** An output of a code cell, as nbformat 4 stores it. */
export interface Output {
  readonly output_type: "display_data" | "execute_result" | "stream" | "error";
  /** Text by media type, in lines. */
  readonly data?: Readonly<Record<string, string | readonly string[]>>;
  /** Lines of a stream. */
  readonly text?: readonly string[];
}

/** A cell with its source in one piece. */
export interface Cell {
  readonly type: "code" | "markdown";
  readonly source: string;
  readonly executionCount: number | null;
  readonly outputs: readonly Output[];
}

interface StoredCell {
  cell_type: "code" | "markdown";
  source: string | string[];
  execution_count?: number | null;
  outputs?: Output[];
}

export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const notebooks = `${root}notebooks/`;

/** Where the lab opens: a line and a link for each of the others. */
export const INDEX = `${notebooks}00_index.ipynb`;

/** Paths of the committed notebooks that measure. */
export const committed: readonly string[] = [...Deno.readDirSync(notebooks)]
  .filter(({ name }) => name.endsWith(".ipynb")).map(({ name }) => notebooks + name)
  .filter((path) => path !== INDEX).sort();

/** The quickest, eleven cells with pictures, tables and progress. */
export const QUICK = "07_cosine_and_magnitude";

/** The name of a notebook without folder and ending. */
export function nameOf(path: string): string {
  return path.replace(/^.*\//, "").replace(/\.ipynb$/, "");
}

/** Reads a notebook's cells. */
export async function readCells(path: string): Promise<Cell[]> {
  const { cells } = JSON.parse(await Deno.readTextFile(path)) as { cells: StoredCell[] };
  return cells.map((cell) => ({
    ...{ type: cell.cell_type, source: joined(cell.source), executionCount: cell.execution_count ?? null },
    outputs: cell.outputs ?? [],
  }));
}

/** Writes a notebook of code cells that has not been run. */
export async function writeNotebook(path: string, sources: readonly string[]): Promise<void> {
  const empty = { cell_type: "code", metadata: {}, execution_count: null, outputs: [] };
  const cells = sources.map((source, i) => ({ ...empty, id: `cell-${i}`, source }));
  const metadata = { kernelspec: { name: "lamina", display_name: "Lamina (Deno)", language: "typescript" } };
  await Deno.writeTextFile(path, JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
}

/** The code cells of a notebook. */
export async function readCode(path: string): Promise<Cell[]> {
  return (await readCells(path)).filter(({ type }) => type === "code");
}

/** Writes a notebook's code cells as one script. */
export async function writeScript(path: string, notebook: string): Promise<void> {
  await Deno.writeTextFile(path, (await readCode(notebook)).map(({ source }) => source).join("\n\n"));
}

/** The version of Lamina that ran a notebook, and its methods by kind of result. */
export type Made = { readonly version: string; readonly methods: Readonly<Record<string, number>> };

/** Reads what a notebook says of its making. */
export async function readMade(path: string): Promise<Made> {
  return JSON.parse(await Deno.readTextFile(path)).metadata.lamina;
}

/** Kinds that are in the numbers of a notebook only if its code matches. */
const IN_CODE: Readonly<Record<string, RegExp>> = {
  certificate: /\bcertify\(/,
  checkpoints: /\bcheckpoints\(/,
  // Both left; notebooks that ran before name their methods.
  depth: /\bdepth\(/,
  samples: /\bcompareSamples\(/,
  fit: /\bfit\(/,
  loss: /\b(?:order|guides)\(|\b(?:greedy|iterative)\b|by: "loss"/,
  replacement: /repair/,
  sweep: /\bsweep\(/,
  verify: /lamina\.verify/,
};

/** Why the numbers of a notebook with this code are not those of Lamina's. A kind that it does not know is in none of them. */
export function outdated({ version, methods }: Made, code: string): string[] {
  const stale = Object.entries(methods)
    .filter(([kind, method]) => method !== manifests[kind]?.method && (IN_CODE[kind]?.test(code) ?? true))
    .map(([kind, method]) => `${kind}: method ${method}, expected ${manifests[kind]?.method}`);
  return version === VERSION ? stale : [`version ${version}, expected ${VERSION}`, ...stale];
}

/** Text of an output in one media type, or undefined. */
export function textOf({ data }: Output, type: string): string | undefined {
  const text = data?.[type];
  return text === undefined ? undefined : joined(text);
}

/** Calls that give an output each; a script prints a line for all but the question. */
export const SHOWS = /\bawait (?:lamina\.)?(?:show|help|question|answer)\(/g;

/** What is wrong with a cell's outputs: each of these calls gives one, progress at most plain text, and nothing else. */
export function flawsOf({ source, outputs }: Cell): string[] {
  const calls = source.match(SHOWS)?.length ?? 0;
  const shown = outputs.filter(({ data }) => data && Object.keys(data).some((type) => type !== "text/plain"));
  const other = outputs.filter(({ output_type }) => output_type !== "display_data");
  return [
    ...shown.length === calls ? [] : [`${shown.length} outputs of ${calls} calls of show`],
    ...other.map(({ output_type }) => `an output of type ${output_type}`),
  ];
}

/** Paths and escapes that only the machine it ran on understands. */
export function foreignParts(text: string): string[] {
  const machine = /\\u001b|file:\/\/|(?<![\w.:/<])\/(?:home|root|tmp|work|usr|mnt|Users|var)\/|[A-Z]:\\\\/g;
  return text.match(machine) ?? [];
}

const missing = await missingPackages();

/**
 * A test with a kernel, for `deno task test:all` since it installs Jupyter, and a folder inside the project (where "lamina" is
 * known) to work in. An ignored test where Python lacks packages that the kernel's environment needs, or `skipped` gives a
 * reason; its name has the reason.
 */
export function kernelTest(name: string, body: (folder: string) => Promise<void>, skipped = ""): void {
  const why = missing.length > 0 ? ` (skipped: ${missing.join(", ")} not found)` : skipped;
  if (why !== "") return Deno.test({ name: name + why, ignore: true, fn() {} });
  thorough(name, async () => {
    await install();
    const folder = await Deno.makeTempDir({ dir: `${root}data/venv` });
    try {
      await body(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Runs a Python script in the virtual environment; its standard output. Throws with its errors. */
export function runPython(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  return printed(python, args, { env: { ...environment, ...env } });
}

const joined = (text: string | readonly string[]): string => typeof text === "string" ? text : text.join("");
