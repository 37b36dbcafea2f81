/**
 * The outlet to a notebook: what a cell shows, how it tells of progress, and what its stop button ends.
 *
 * Jupyter's front ends take outputs only until the kernel says that it is idle. A cell's last value often comes later
 * and is lost; `Deno.jupyter.display` followed by a pause is not. So a cell shows things through `await show(…)` alone.
 *
 * The stop button sends SIGINT, which ends a Deno kernel that does not listen. This one listens from its first import
 * on and aborts the signal that studies and `show` wait with: the cell ends, kernel and state stay. JavaScript that
 * never waits (an endless loop) cannot be stopped.
 *
 * Nothing here needs a kernel: in a script, `show` prints a line instead, and Ctrl-C ends the script as ever.
 */
import { setTimeout } from "node:timers/promises";
import type { FetchOptions, Progress } from "../hub/mod.ts";
import { type CsvRow, toCsv } from "./chart/csv.ts";
import { formatNumber, formatSeconds } from "./chart/numbers.ts";
import { progressText } from "./progress.ts";
import { plain } from "./plain.ts";
import { printable } from "./tables/table.ts";
import { escape, type Figure } from "./chart/svg.ts";

/** What a cell can show: a figure, a table (records; the first one names the columns), SVG or Markdown. */
export type Showable = Figure | readonly object[] | string;

/** One output as Jupyter takes it: text by media type. */
type Bundle = Record<string, string>;

const SETTLE = 50; // ms from sending an output until it is safe to be idle: 150 of 150 arrived
const LINE = 100; // characters of a progress line
const LATE = 2000; // ms that a stop which ended nothing yet counts for: its cell may not have come to a study

const kernel = findKernel();
let stop = stopper();
/** The last progress sent; outputs keep their order. */
let sent: Promise<void> = Promise.resolve();

if (kernel) Deno.addSignalListener("SIGINT", () => current().press());

/**
 * Shows one thing under the cell. Rejects with `AbortError` where the stop button was pressed meanwhile.
 *
 * @example
 * ```ts
 * import { show } from "lamina";
 *
 * await show("# A heading, as Markdown");
 * await show([{ layer: 0, importance: 0.25 }]);
 * ```
 */
export async function show(content: Showable): Promise<void> {
  if (!kernel) return console.log(plain(describe(content)));
  const { signal } = current();
  await sent;
  await kernel.display(bundleOf(content), { raw: true });
  await setTimeout(SETTLE);
  signal.throwIfAborted();
}

/**
 * Options that let a cell's stop button end a study within one layer, with progress in place under the cell:
 * `await profile(model, { samples: 8, ...interruptible() })`.
 *
 * @example
 * ```ts
 * import { interruptible, openSeries, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { ...interruptible(), text: "README.md", samples: 2, length: 32 });
 * model.close();
 * ```
 */
export function interruptible(): { [Name in keyof FetchOptions]-?: NonNullable<FetchOptions[Name]> } {
  const notices: string[] = [];
  const display_id = crypto.randomUUID();
  const start = performance.now();
  let update = false;
  const write = (...line: string[]) => {
    const text = [...notices, ...line].join("\n");
    const options = { raw: true, display_id, update };
    update = true;
    sent = sent.then(() => kernel?.display({ "text/plain": text }, options));
  };
  return {
    signal: current().signal,
    onNotice(line) {
      notices.push(printable(line, { utf8: true }));
      write();
    },
    onProgress(progress: Progress) {
      const complete = progress.done === progress.total;
      const took = () =>
        `${plain(progress.label)}  done after ${formatSeconds((performance.now() - start) / 1000)}`;
      write(complete ? took() : progressText(progress, LINE));
    },
  };
}

/** The kernel that runs this, or null: reading `Deno.jupyter` outside of one throws. */
function findKernel(): typeof Deno.jupyter | null {
  try {
    return Deno.jupyter;
  } catch {
    return null;
  }
}

/** What the stop button aborts. */
interface Stopper {
  readonly signal: AbortSignal;
  press(): void;
  /** Whether it was pressed and has ended something, or had the time to. */
  spent(): boolean;
}

function stopper(): Stopper {
  const controller = new AbortController();
  const { signal } = controller;
  let pressed = Infinity;
  let heard = false;
  signal.throwIfAborted = () => {
    if (!signal.aborted) return;
    heard = true;
    throw signal.reason;
  };
  return {
    signal,
    press() {
      pressed = Math.min(pressed, performance.now());
      controller.abort(new DOMException("Stopped. The kernel and its variables are kept.", "AbortError"));
    },
    spent: () => heard || performance.now() - pressed > LATE,
  };
}

/** The stopper of the running cell: a fresh one after each stop. */
function current(): Stopper {
  if (stop.spent()) stop = stopper();
  return stop;
}

function bundleOf(content: Showable): Bundle {
  if (isTable(content)) {
    const rows = rowsOf(content);
    return { "text/html": htmlTable(rows), "text/plain": toCsv(rows) };
  }
  if (typeof content !== "string") return { "image/svg+xml": content.svg, "text/plain": content.title };
  if (isSvg(content)) return { "image/svg+xml": content, "text/plain": "picture" };
  return { "text/markdown": content, "text/plain": content };
}

/** One line in place of an output. */
function describe(content: Showable): string {
  if (isTable(content)) return `table, ${content.length} rows: ${Object.keys(content[0] ?? {}).join(", ")}`;
  if (typeof content !== "string") return `figure ${content.name}: ${content.title}`;
  return isSvg(content) ? "picture" : `text: ${content.trim().split("\n")[0]}`;
}

function isTable(content: Showable): content is readonly object[] {
  return Array.isArray(content);
}

function isSvg(text: string): boolean {
  return text.trimStart().startsWith("<svg");
}

/** Records as rows of the first one's columns. */
function rowsOf(records: readonly object[]): CsvRow[] {
  const columns = Object.keys(records[0] ?? {});
  const cell = (value: unknown) => typeof value === "number" ? value : value == null ? null : String(value);
  return records.map((record) =>
    Object.fromEntries(columns.map((column) => [column, cell((record as Record<string, unknown>)[column])]))
  );
}

/** Attributes only: sites that show notebooks remove styles. */
function htmlTable(rows: readonly CsvRow[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const numeric = new Set(columns.filter((column) => rows.some((row) => typeof row[column] === "number")));
  const line = (tag: string, text: (column: string) => string) =>
    `<tr>${
      columns.map((column) =>
        `<${tag} align="${numeric.has(column) ? "right" : "left"}">${escape(text(column))}</${tag}>`
      ).join("")
    }</tr>`;
  const body = rows.map((row) => line("td", (column) => cellText(row[column])));
  return `<table><thead>${line("th", (column) => column)}</thead><tbody>${body.join("")}</tbody></table>`;
}

function cellText(value: CsvRow[string]): string {
  if (value === null) return "–";
  return typeof value === "number" && !Number.isInteger(value) ? formatNumber(value) : String(value);
}
