/**
 * The outlet to a notebook: what a cell shows, how it tells of progress, and what its stop button ends.
 *
 * Jupyter's front ends take outputs only until the kernel says that it is idle. A cell's last value often comes later
 * and is lost; `Deno.jupyter.display` followed by a pause is not. So things are shown that way: by `await show(…)`, and
 * figures and results also where they are a cell's last value.
 *
 * The stop button sends SIGINT, which ends a Deno kernel that does not listen. This one listens from its first import
 * on and ends the calls that run (watch.ts): the cell ends, kernel and state stay. JavaScript that never waits (an
 * endless loop) cannot be stopped.
 *
 * Nothing here needs a kernel: in a script, `show` prints a line instead, and Ctrl-C ends the script as ever.
 */
import { setTimeout } from "node:timers/promises";
import { displayWith, enter, plain, reportChecks, type Reports, watchWith } from "core/entry/mod.ts";
import { csvText } from "core/show/chart/csv.ts";
import { escape } from "core/show/chart/draw/sheet.ts";
import { counted } from "core/show/words/mod.ts";
import { helpText } from "./help.ts";
import { tablesHtml } from "core/show/tables/html.ts";
import { tablesText } from "core/show/tables/text.ts";
import { tablesIn, viewOf } from "./view.ts";
import { watcher } from "./watch.ts";

/** One output as Jupyter takes it: text by media type. */
type Bundle = Record<string, string>;

const SETTLE = 50; // ms from sending an output until it is safe to be idle: 150 of 150 arrived

const kernel = findKernel();
/** The last output sent, and the last one of which it is known that it has arrived. */
let sent: Promise<void> = Promise.resolve();
let arrived = sent;

if (kernel) {
  watchCells(kernel);
  displayWith(async (value) => {
    await send(kernel, bundleOf(value));
    await settle();
    return {}; // it is there already: the kernel's own output of a last value may come too late
  });
}

/** From now on every call is watched, and the stop button ends it. */
function watchCells(kernel: typeof Deno.jupyter): void {
  const { press, open } = watcher(() => place(kernel));
  Deno.addSignalListener("SIGINT", press);
  watchWith((title) => {
    const { reports, end } = open(title);
    return { reports, end: (error) => end(error).then(settle) };
  });
}

/**
 * Shows a value under the cell: a figure, a result (as the usual figure of its kind, or a table), records (the first one
 * names the columns), an object, a list, SVG or Markdown. `folded` is a title under which a long table is folded. Throws
 * `TypeError` for a promise, and `AbortError` if the stop button was pressed meanwhile.
 *
 * @example
 * ```ts
 * import { show } from "lamina";
 *
 * await show([{ layer: 0, importance: 0.25 }]);
 * ```
 */
export async function show(content: unknown, { folded }: { readonly folded?: string } = {}): Promise<void> {
  if (!kernel) return console.log(plain(describe(content)));
  await enter("show", "it", {}, reportChecks, async ({ signal }: Reports) => {
    await send(kernel, bundleOf(content, folded));
    await settle();
    signal!.throwIfAborted();
  });
}

/**
 * Shows a notebook's question, and returns the function that writes the answer in its place and under its own cell. A script prints the answer.
 *
 * @example
 * ```ts
 * import { question } from "lamina";
 *
 * const answer = await question("how important is layer 0?");
 * await answer("its importance is 0.25 (0.20 to 0.30)");
 * ```
 */
export async function question(text: string): Promise<(answer: string) => Promise<void>> {
  const write = kernel && place(kernel);
  const open = `**Not measured yet:** ${text} **Run > Run All Cells** writes the answer here.`;
  write?.(open, bundleOf(open));
  await settle();
  return async (answer) => {
    const found = `**In this run:** ${answer}`;
    write?.(found, bundleOf(found));
    await show(found);
  };
}

/**
 * Describes a function of Lamina, or the one with this name; without an argument, lists all in a line each. Throws `RangeError` for an
 * unknown name.
 *
 * @example
 * ```ts
 * import { help, profile } from "lamina";
 *
 * await help(profile); // or "profile"
 * ```
 */
export async function help(about?: unknown): Promise<void> {
  const text = await helpText(about);
  if (kernel) await show(`\`\`\`text\n${text}\n\`\`\``);
  else console.log(text);
}

/** A place under the cell for text that changes, plain unless it comes as an output; outputs keep their order. */
function place(kernel: typeof Deno.jupyter): (text: string, bundle?: Bundle) => void {
  const display_id = crypto.randomUUID();
  let update = false;
  return (text, bundle = { "text/plain": text }) => {
    send(kernel, bundle, { display_id, update });
    update = true;
  };
}

function send(kernel: typeof Deno.jupyter, bundle: Bundle, options = {}): Promise<void> {
  return sent = sent.then(() => kernel.display(bundle, { raw: true, ...options }));
}

async function settle(): Promise<void> {
  const last = sent;
  if (last === arrived) return;
  await last;
  await setTimeout(SETTLE);
  arrived = last;
}

/** The kernel that runs this, or null: reading `Deno.jupyter` outside of one throws. */
function findKernel(): typeof Deno.jupyter | null {
  try {
    return Deno.jupyter;
  } catch {
    return null;
  }
}

function bundleOf(content: unknown, folded?: string): Bundle {
  const view = viewOf(content);
  if ("tables" in view || "rows" in view) {
    const html = tablesHtml(tablesIn(view));
    const fold = (title: string) => `<details><summary>${escape(title)}</summary>${html}</details>`;
    const text = "rows" in view ? csvText(view.rows) : tablesText(view.tables);
    return { "text/html": folded === undefined ? html : fold(folded), "text/plain": text };
  }
  if ("picture" in view) return { "image/svg+xml": view.picture, "text/plain": view.title };
  return { "text/markdown": view.markdown, "text/plain": view.markdown };
}

function describe(content: unknown): string {
  const view = viewOf(content);
  if ("tables" in view || "rows" in view) {
    const { head, rows } = tablesIn(view).find(({ head }) => head.length > 0)!;
    return `table, ${counted(rows.length, "row")}: ${head.join(", ")}`;
  }
  if ("picture" in view) return view.name ? `figure ${view.name}: ${view.title}` : view.title;
  return `text: ${view.markdown.trim().split("\n")[0]}`;
}
