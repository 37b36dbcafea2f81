/**
 * Progress on stderr. On a terminal one line is drawn again in place; elsewhere a line is written every ten seconds if something was done
 * since the last one, the first after two if more than ten are left. In the first second nothing is said. Results on stdout are never touched.
 */
import process from "node:process";
import { formatBytes, plain, type Progress } from "../entry/mod.ts";
import { formatSeconds } from "./words/mod.ts";
import { ascii, cut, widthOf } from "./plain.ts";

interface ProgressOutput {
  write(text: string): void;
  /** Whether a line can be drawn again in place. */
  readonly terminal: boolean;
  /** Characters that fit on a line. */
  columns(): number;
  readonly utf8: boolean;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

export interface ProgressLine {
  onProgress(progress: Progress): void;
  /** A line of its own, above the bar. */
  onNotice(line: string): void;
  /** The same for an error, which is written in any case. */
  onError(line: string): void;
  /** From now on errors alone are written. */
  hush(): void;
  /** Removes the bar; call it before other output. */
  close(): void;
}

const QUIET = 1000; // ms without a word
const PAUSE = 10_000; // ms between lines where nothing can be redrawn
const FIRST = 2000; // ms before the first, for long work
const BAR = 24; // columns of the bar, where they fit
const LEAST_BAR = 10; // and where they do not
const LONG = /\S{400,}/g; // a value that is no path and no address, of which a line shows the first
const KEPT = 100;
const NAME = 12; // columns that a label keeps at least

export function progressLine(output: ProgressOutput = stderr()): ProgressLine {
  const start = output.now();
  let drawn = false;
  let quiet = false;
  let written = start; // when a line was written, where lines cannot be drawn again
  let last = ""; // its label and what was done
  const shown = (line: string) => output.utf8 ? line : ascii(line);
  const clear = () => {
    if (drawn) output.write("\r\x1b[K");
    drawn = false;
  };
  const writeLine = (line: string) => {
    clear();
    const short = plain(line).replace(LONG, (word) => `${word.slice(0, KEPT)}…`);
    output.write(`${shown(short)}\n`); // one line: a name in it cannot make another
  };
  return {
    onProgress(progress) {
      if (quiet) return;
      const now = output.now();
      const complete = progress.done === progress.total;
      if (now - start < QUIET) return;
      if (output.terminal) {
        clear();
        if (complete) return;
        output.write(shown(progressText(progress, output.columns() - 1)));
        drawn = true;
      } else if (
        complete ? written > start : now - written >= (written === start && isLong(progress) ? FIRST : PAUSE)
      ) {
        const about = `${progress.label} ${progress.done}`;
        if (about === last) return;
        [written, last] = [now, about];
        output.write(`${shown(progressText(progress, 200))}\n`);
      }
    },
    onNotice(line) {
      if (!quiet) writeLine(line);
    },
    onError: writeLine,
    hush() {
      clear();
      quiet = true;
    },
    close: clear,
  };
}

/** Whether more is left than a pause, or nothing is known of it yet. */
const isLong = ({ done, secondsLeft = done === 0 ? Infinity : 0 }: Progress) => secondsLeft > PAUSE / 1000;

/**
 * One report as text: label, bar, share, bytes and their rate, time left. Where it is narrow the bar becomes shorter, then
 * the label's end is cut, then the bar is left out. Only bytes are counted out: nobody knows how many modules are many.
 */
export function progressText(progress: Progress, width: number): string {
  const { label, done, total } = progress;
  const name = plain(label);
  const details = detailsOf(progress).join("  ");
  if (!total) return cut(`${cut(name, Math.max(NAME, width - details.length - 2))}  ${details}`, width);
  const share = Math.min(1, done / total);
  const tail = [`${String(Math.floor(share * 100)).padStart(3)} %`, ...details ? [details] : []].join("  ");
  const room = width - tail.length - 3; // two spaces behind the label, one behind the bar
  const shown = cut(name, Math.max(NAME, room - LEAST_BAR));
  const bar = Math.min(BAR, room - widthOf(shown));
  if (bar < LEAST_BAR) return cut(`${cut(name, Math.max(NAME, room + 1))}  ${tail}`, width);
  const filled = Math.round(share * bar);
  return `${shown}  ${"█".repeat(filled)}${"░".repeat(bar - filled)} ${tail}`;
}

function detailsOf({ done, total, unit, rate, secondsLeft }: Progress): string[] {
  const left = secondsLeft === undefined || done === total ? [] : [`${formatSeconds(secondsLeft)} left`];
  if (unit !== "bytes") return total === undefined ? [`${done} ${unit}`] : left;
  const counted = [done, ...total === undefined ? [] : [total]].map(formatBytes).join(" of ");
  return [counted, ...rate ? [`${formatBytes(rate)}/s`] : [], ...left];
}

/** Whether the terminal of this process knows more than ASCII. */
export function speaksUtf8(): boolean {
  const locale = process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || "";
  return process.platform === "darwin" || /utf-?8/i.test(locale);
}

function stderr(): ProgressOutput {
  return {
    write: tellStderr,
    terminal: process.stderr.isTTY ?? false,
    columns: () => process.stderr.columns || 80, // a terminal of a container may say 0
    utf8: speaksUtf8(),
    now: () => performance.now(),
  };
}

/** A full disk or a device refuses at once. There is no place to report that, and the work does not depend on it. */
function tellStderr(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // A reader that has gone is another matter: an event tells of it, and ends the command.
  }
}
