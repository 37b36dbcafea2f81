/**
 * How long-running work reports: counts with a rate and the time left, at most ten times a second,
 * plus single lines (licence, size, what was found) for people to read.
 */
import type { Progress } from "./reports.ts";

const INTERVAL = 100; // ms between two reports
const QUIET = 1000; // ms before what may be short is told
const WINDOW = 5000; // ms that the rate is taken over, at least …
const MARKS = 12; // … and reports: slow work comes in large and small pieces

/**
 * Returns a function to call with the units done so far. It computes the rate over the last five seconds or twelve reports
 * and passes a report on when the last one is old enough, or when the work is complete.
 */
export function meter(
  what: { label: string; total?: number; unit: string },
  report: ((progress: Progress) => void) | undefined,
): (done: number) => void {
  if (!report) return () => {};
  const { total } = what;
  const marks = [{ time: performance.now(), done: 0 }];
  let last = -Infinity;
  return (done) => {
    const time = performance.now();
    if (time - last < INTERVAL && done !== total) return;
    last = time;
    marks.push({ time, done });
    while (marks.length > MARKS && time - marks[0].time > WINDOW) marks.shift();
    const seconds = (time - marks[0].time) / 1000;
    const rate = seconds > 0 ? (done - marks[0].done) / seconds : 0;
    if (rate <= 0) return report({ ...what, done });
    const left = total === undefined ? {} : { secondsLeft: (total - done) / rate };
    report({ ...what, done, rate, ...left });
  };
}

/** The same, silent for the first second: work that is over by then says nothing of itself. */
export function lateMeter(...[what, report]: Parameters<typeof meter>): (done: number) => void {
  const told = meter(what, report);
  const begin = performance.now();
  return (done) => {
    if (performance.now() - begin > QUIET) told(done);
  };
}

/** A size for people, in decimal units: 98141312 → "98.1 MB". */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  let power = 0;
  while (power < units.length - 1 && bytes >= 999.5) {
    bytes /= 1000;
    power++;
  }
  return `${power === 0 ? bytes : bytes.toPrecision(3)} ${units[power]}`;
}
