/**
 * How long-running work reports: counts with a rate and the time left, at most ten times a second, and single lines for people.
 *
 * Work in several phases has one count. A study reads a text, runs passes and scores, and a page holds several studies, but a
 * person waits for the whole. Each phase weighs what it costs, and a phase may consist of phases itself. The time left is that of the
 * weight left at the speed of recent work. Work that an earlier run kept counts as done and does not change the speed.
 */
import type { Progress, Reports } from "./reports.ts";
import { eachOf, sum } from "./values.ts";

const INTERVAL = 100; // ms between two reports
const QUIET = 1000; // ms before work that may be short is reported
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

/** The same, silent for the first second: work that has ended by then is not reported. */
export function lateMeter(...[what, report]: Parameters<typeof meter>): (done: number) => void {
  const pass = meter(what, report);
  const begin = performance.now();
  return (done) => {
    if (performance.now() - begin > QUIET) pass(done);
  };
}

/** Works on files one after another under one count of bytes; `work` hears how much of its own file is done. */
export async function filesInTurn<File extends { readonly size: number }>(
  label: string,
  files: readonly File[],
  { onProgress }: Reports,
  work: (file: File, onBytes: (done: number) => void) => Promise<void>,
): Promise<void> {
  const report = meter({ label, total: sum(files, ({ size }) => size), unit: "bytes" }, onProgress);
  let before = 0;
  for (const file of files) {
    await work(file, (done) => report(before + done));
    before += file.size;
  }
}

/** A size for people, in decimal units: 98141312 → "98.1 MB". */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
  let power = 0;
  while (power < units.length - 1 && bytes >= 999.5) {
    bytes /= 1000;
    power++;
  }
  return `${power === 0 ? bytes : bytes.toPrecision(3)} ${units[power]}`;
}

type Report = NonNullable<Reports["onProgress"]>;

/** Share of the work that must be done before a time left is shown. */
const TELLING = 0.005;
const RECENT = 120_000; // ms of work that the time left is taken from, at most; and the later half of all

/** What is known of phases before they begin. */
interface Beforehand {
  /** The share of each that an earlier run kept, 0 to 1; default: nothing is known of any. */
  readonly kept?: readonly number[] | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Returns, for each phase, the function to which it reports. When a phase reports, the phases before it count as done; what they
 * had not reported was kept by an earlier run. Downloads are reported unchanged, since their speed cannot be estimated. Without
 * `label`, each phase keeps its own label.
 */
export function phases(
  label: string | null,
  weights: readonly number[],
  report: Report | undefined,
  { kept: known = [], now = () => performance.now() }: Beforehand = {},
): (part: number) => Report | undefined {
  if (!report) return () => undefined;
  const all = sum(weights) || 1;
  const secondsLeft = clock(now);
  /** The share of each part that is done, and that which was found so. */
  const [done, found] = [weights.map((_, i) => known[i] ?? 0), weights.map((_, i) => known[i] ?? 0)];
  const total = (shares: readonly number[]) =>
    shares.reduce((done, share, i) => done + share * weights[i] / all, 0);
  return (part) => (progress) => {
    if (progress.unit === "bytes") return report(progress);
    for (let i = 0; i < part; i++) {
      found[i] += 1 - done[i];
      done[i] = 1;
    }
    const whole = progress.total || Infinity;
    // What was known of a phase beforehand holds until its own reports have come as far.
    const own = progress.done / whole;
    if (own >= (known[part] ?? 0)) [done[part], found[part]] = [own, (progress.found ?? 0) / whole];
    // A phase that is known to be kept ends when its turn is over.
    const complete = done.every((share, i) =>
      weights[i] === 0 || share >= 1 && (i < part || i === part && own >= 1)
    );
    const [share, kept] = [complete ? 1 : Math.min(total(done), 0.999), total(found)];
    const left = secondsLeft(share - kept, 1 - share);
    report({
      label: label === null ? progress.label : `${label}: ${progress.label}`,
      done: share,
      total: 1,
      unit: "work",
      found: kept,
      ...left === null ? {} : { secondsLeft: left },
    });
  };
}

/** Tells the seconds that shares of work take at the speed of recent work; null while too little was done to tell. */
function clock(now: () => number): (worked: number, left: number) => number | null {
  const begin = now();
  const marks = [{ time: begin, worked: 0 }];
  return (worked, left) => {
    const time = now();
    marks.push({ time, worked });
    const recent = Math.max((begin + time) / 2, time - RECENT);
    while (marks.length > 2 && marks[1].time <= recent) marks.shift();
    if (!(worked > TELLING)) return null;
    // Where nothing was done of late, all of the work tells.
    const from = worked > marks[0].worked ? marks[0] : { time: begin, worked: 0 };
    return (time - from.time) / 1000 * left / (worked - from.worked);
  };
}

/** `phases` of a run with options: gives each part the same options, with its own report. */
export function phased<O extends Pick<Reports, "onProgress">>(
  label: string | null,
  weights: readonly number[],
  options: O,
  known?: Beforehand,
): (part: number) => O {
  const phase = phases(label, weights, options.onProgress, known);
  return (part) => options.onProgress ? { ...options, onProgress: phase(part) } : options;
}

/** The same for parts that have names, in the order of `weights`. */
export function inParts<Name extends string, O extends Pick<Reports, "onProgress">>(
  label: string | null,
  weights: Readonly<Record<Name, number>>,
  options: O,
): Record<Name, O> {
  const names = Object.keys(weights) as Name[];
  const at = phased(label, names.map((name) => weights[name]), options);
  return eachOf(names, (name) => at(names.indexOf(name)));
}
