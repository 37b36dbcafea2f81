/**
 * Progress on stderr. On a terminal one line is drawn again in place; elsewhere a line is written every ten seconds.
 * Work that ends within two seconds says nothing. Results on stdout are never touched.
 */
import process from "node:process";
import { formatBytes, type Progress } from "../hub/mod.ts";
import { formatNumber, formatSeconds } from "./chart/numbers.ts";
import { speaksUtf8 } from "./locale.ts";
import { ascii, cut, plain, widthOf } from "./plain.ts";
import { printable } from "./tables/table.ts";

/** Where progress is written. */
export interface ProgressOutput {
  write(text: string): void;
  /** Whether a line can be drawn again in place. */
  readonly terminal: boolean;
  /** Characters that fit on a line. */
  columns(): number;
  /** Whether it knows more than ASCII. */
  readonly utf8: boolean;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

/** A running display. */
export interface ProgressLine {
  onProgress(progress: Progress): void;
  /** A line of its own, above the bar. */
  onNotice(line: string): void;
  /** Removes the bar; call it before other output. */
  close(): void;
}

const QUIET = 2000; // ms of work without a word
const PAUSE = 10_000; // ms between lines where nothing can be redrawn
const BAR = 24; // characters of the bar, where they fit
const NAME = 12; // columns that a label keeps at least

/** Shows progress on stderr, or on another output. */
export function progressLine(output: ProgressOutput = stderr()): ProgressLine {
  const started = new Map<string, number>();
  let drawn = false;
  let written = -Infinity;
  const text = (progress: Progress, width: number) => {
    const line = progressText(progress, width);
    return output.utf8 ? line : ascii(line);
  };
  const clear = () => {
    if (drawn) output.write("\r\x1b[K");
    drawn = false;
  };
  return {
    onProgress(progress) {
      const now = output.now();
      const start = started.get(progress.label) ?? now;
      started.set(progress.label, start);
      const complete = progress.done === progress.total;
      if (complete) started.delete(progress.label);
      if (now - start < QUIET) return;
      if (output.terminal) {
        clear();
        if (complete) return;
        output.write(text(progress, output.columns() - 1));
        drawn = true;
      } else if (complete ? written >= start : now - written >= PAUSE) {
        written = now;
        output.write(`${text(progress, 200)}\n`);
      }
    },
    onNotice(line) {
      clear();
      output.write(`${printable(line, { utf8: output.utf8 })}\n`);
    },
    close: clear,
  };
}

/** One report as text: label, bar, share, units, rate, time left; the bar gives way to the text, then the label does. */
export function progressText(
  { label, done, total, unit, rate, secondsLeft }: Progress,
  width: number,
): string {
  const bytes = unit === "bytes";
  const counted = bytes
    ? [done, ...total === undefined ? [] : [total]].map(formatBytes).join(" of ")
    : `${total === undefined ? done : `${done} of ${total}`} ${unit}`;
  const details = [
    counted,
    ...rate ? [`${bytes ? formatBytes(rate) : `${formatNumber(rate)} ${unit}`}/s`] : [],
    ...secondsLeft !== undefined && done !== total ? [`${formatSeconds(secondsLeft)} left`] : [],
  ].join("  ");
  const name = plain(label);
  const shown = cut(name, Math.max(NAME, width - details.length - 2));
  const text = cut(`${shown}  ${details}`, width);
  if (!total) return text;
  const share = Math.min(1, done / total);
  const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
  const bar = Math.min(BAR, width - widthOf(`${name}   ${percent}  ${details}`));
  if (bar < 4) return text;
  const filled = Math.round(share * bar);
  return `${name}  ${"█".repeat(filled)}${"░".repeat(bar - filled)} ${percent}  ${details}`;
}

function stderr(): ProgressOutput {
  return {
    write: (text) => void process.stderr.write(text),
    terminal: process.stderr.isTTY ?? false,
    columns: () => process.stderr.columns ?? 80,
    utf8: speaksUtf8(),
    now: () => performance.now(),
  };
}
