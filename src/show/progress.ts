/**
 * Progress on stderr. On a terminal one line is drawn again in place; elsewhere a line is written every ten seconds.
 * Work that ends within two seconds says nothing. Results on stdout are never touched.
 */
import process from "node:process";
import { formatBytes, type Progress } from "../hub/mod.ts";
import { formatNumber, formatSeconds } from "./chart/numbers.ts";

/** Where progress is written. */
export interface ProgressOutput {
  write(text: string): void;
  /** Whether a line can be drawn again in place. */
  readonly terminal: boolean;
  /** Characters that fit on a line. */
  columns(): number;
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

/** Shows progress on stderr, or on another output. */
export function progressLine(output: ProgressOutput = stderr()): ProgressLine {
  const started = new Map<string, number>();
  let drawn = false;
  let written = -Infinity;
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
        output.write(progressText(progress, output.columns() - 1));
        drawn = true;
      } else if (complete ? written >= start : now - written >= PAUSE) {
        written = now;
        output.write(`${progressText(progress, 200)}\n`);
      }
    },
    onNotice(line) {
      clear();
      output.write(`${line}\n`);
    },
    close: clear,
  };
}

/** One report as text: label, bar, share, units, rate, time left; the bar gives way to the text. */
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
  const plain = `${label}  ${details}`.slice(0, Math.max(0, width));
  if (!total) return plain;
  const share = Math.min(1, done / total);
  const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
  const bar = Math.min(BAR, width - `${label}   ${percent}  ${details}`.length);
  if (bar < 4) return plain;
  const filled = Math.round(share * bar);
  return `${label}  ${"█".repeat(filled)}${"░".repeat(bar - filled)} ${percent}  ${details}`;
}

function stderr(): ProgressOutput {
  return {
    write: (text) => void process.stderr.write(text),
    terminal: process.stderr.isTTY ?? false,
    columns: () => process.stderr.columns ?? 80,
    now: () => performance.now(),
  };
}
