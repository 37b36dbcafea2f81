/** The plans of trials, as their lines have them or repaired, the search along lines (each step drops one module more), and the choice. */
import { eachOf } from "core/entry/mod.ts";
import { type LayerModule, MODULES, planHash, type Verdict } from "core/measure/mod.ts";
import type { Fit } from "./result.ts";
import type { Plan } from "core/result/mod.ts";
import { type DropPlan, dropPlan, noDrop } from "core/run/mod.ts";
import { RefusedRepair } from "core/run/repair/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { provenance, type RunOptions } from "core/study/options.ts";
import { dropsIn } from "core/study/plan.ts";
import { lessSaved } from "../orders/mod.ts";
import { inTurn } from "core/study/stage.ts";
import {
  type Fits,
  madeFits,
  neededFits,
  orRefused,
  repairedBy,
  repairedPlan,
  type Repairing,
  roundingsOf,
  solvedIn,
  typesIn,
} from "../repair/mod.ts";
import type { OpenSizer } from "core/formats/mod.ts";
import type { Line } from "./lines.ts";
import type { Cost } from "./aims.ts";

export interface Candidate extends Trial {
  /** Whether a module was exchanged for another; absent where the plan is its line's. */
  readonly exchanged?: true;
  readonly plan: Plan;
  readonly drop: DropPlan;
  /** Bytes of its files; null where the format cannot express it, undefined where no file is sized. */
  readonly bytes: number | null | undefined;
  /** How many bytes smaller they are for it; 0 where its modules stay in the file, or none is sized. */
  readonly less: number;
}

/** Makes the plans of trials; null where a repair is refused, or would not make the file smaller. Fits that earlier rounds made are not made again. */
export type Maker = (round: readonly Trial[], options: RunOptions) => Promise<(Candidate | null)[]>;

export function candidateMaker(model: StudyModel, lines: readonly Line[], sizer: OpenSizer | null): Maker {
  const fits = new Map<Repairing, Fits>();
  const told = new Set<string>();
  const tell = (line: string, { onNotice }: RunOptions) => {
    if (told.size < told.add(line).size) onNotice?.(line);
    return null;
  };
  let types: ReturnType<typeof typesIn> | undefined;
  return async (round, options) => {
    const typesAt = lines.some(({ way }) => way) ? await (types ??= typesIn(model)) : null;
    const bare = round.map(({ line, dropped }) => lines[line].planOf(dropped));
    const drops = bare.map((plan) => dropsIn(model, plan));
    const ways = [...new Set(lines.flatMap(({ way }) => way ?? []))];
    await inTurn(ways, options, async (way, options) => {
      const known = fits.get(way) ?? new Map();
      const own = drops.filter((_, i) => lines[round[i].line].way === way);
      const needed = neededFits(way, own, undefined, known);
      if (needed.length > 0) fits.set(way, new Map([...known, ...await madeFits(way, needed, options)]));
    });
    return await Promise.all(round.map(async (trial, i): Promise<Candidate | null> => {
      const line = lines[trial.line];
      const { way, target } = line;
      const origin = way && await provenance(model, await way.text.pack(options), noDrop, options);
      const plan = way
        ? orRefused(() => {
          const { repair, solved } = solvedIn(way, drops[i], fits.get(way)!)!;
          const made = dropPlan(model.spec, repairedBy(repair, solved));
          const [smallest] = roundingsOf(repair, typesAt); // what it adds is in the cost that is measured
          if (!smallest) return repairedPlan(repair, bare[i], made, solved, origin!);
          const { plan, types } = smallest.of(made);
          return repairedPlan(repair, bare[i], plan, solved, origin!, { rounded: { types } });
        })
        : bare[i];
      if (plan instanceof RefusedRepair) return tell(plan.message, options);
      const own = await sizedIn(sizer, line, plan, dropsIn(model, plan));
      if (own.less >= 0) return { ...trial, ...own };
      const plans = `plans of ${target}${way ? `, repaired by ${way.by},` : ""}`;
      return tell(
        `${plans} that a ${sizer!.format} file cannot hold or that enlarge it are not tried`,
        options,
      );
    }));
  };
}

/** A plan of a line with its file. Where modules leave the file, what it has as zeros saves nothing: readers of the file run that. */
export async function sizedIn(
  sizer: OpenSizer | null,
  { leaves, savesOf }: Line,
  plan: Plan,
  drop: DropPlan,
): Promise<Omit<Candidate, keyof Trial>> {
  const files = await sizer?.filesOf(drop);
  const own = { plan, drop, bytes: files ? files.bytes : files };
  if (!leaves) return { ...own, less: 0 };
  if (!files) return { ...own, less: -Infinity };
  const of = (module: LayerModule) => files.zeroed.flatMap((one) => one.module === module ? [one.layer] : []);
  const saves = lessSaved(plan.saves!, savesOf(eachOf(MODULES, of)));
  return { ...own, plan: { ...plan, saves }, less: sizer!.whole - files.bytes };
}

/** Candidates without those whose plan an earlier one has. */
export function distinctOf(candidates: readonly Candidate[]): Candidate[] {
  return [...new Map(candidates.toReversed().map((one) => [planHash(one.drop), one])).values()].toReversed();
}

/** A line as far as it was tried: the largest number that kept the promise, or to begin after; the smallest that did not, or one too many. */
type Reach = Readonly<Record<"good" | "bad", number>>;

export interface Trial {
  readonly line: number;
  readonly dropped: number;
}

/** A line to search: its place among all, the number to begin after, and the largest. */
export type Searched = Readonly<Record<"line" | "begin" | "most", number>>;

/**
 * Tries numbers until every line is closed: steps double until one breaks the promise, then the gap is halved. All lines take their steps
 * in one round, so that their plans share a run. `keeps` tells which trials of a round keep the promise. `isWorth` may close a line whose
 * larger numbers would not be the answer.
 */
export async function search(
  lines: readonly Searched[],
  keeps: (round: readonly Trial[]) => Promise<readonly boolean[]>,
  isWorth: (line: number, reach: Reach) => boolean | Promise<boolean> = () => true,
): Promise<Reach[]> {
  const reaches = lines.map(({ begin, most }): Reach => ({ good: begin, bad: most + 1 }));
  const broken = lines.map(() => false);
  for (let step = 1;; step *= 2) {
    const open: number[] = [];
    for (const [i, reach] of reaches.entries()) {
      if (reach.bad - reach.good > 1 && (!broken[i] || await isWorth(lines[i].line, reach))) open.push(i);
    }
    if (open.length === 0) return reaches;
    const dropped = open.map((i) => nextOf(reaches[i], broken[i] ? Infinity : step));
    const kept = await keeps(open.map((i, place) => ({ line: lines[i].line, dropped: dropped[place] })));
    for (const [place, i] of open.entries()) {
      reaches[i] = { ...reaches[i], [kept[place] ? "good" : "bad"]: dropped[place] };
      broken[i] ||= !kept[place];
    }
  }
}

/** So many steps on, as far as the line goes; where a larger number is known to fail, halfway to it. */
function nextOf({ good, bad }: Reach, step: number): number {
  return step === Infinity ? Math.floor((good + bad) / 2) : Math.min(bad - 1, good + step);
}

/** The smallest candidate of each line that saves `wanted` by a measure; lines that cannot are left out. */
export async function smallestReaching(
  lines: readonly Searched[],
  make: Maker,
  saved: (candidate: Candidate) => number,
  wanted: number,
  options: RunOptions,
): Promise<Candidate[]> {
  const made = new Map<string, Candidate | null>();
  const keyOf = ({ line, dropped }: Trial) => `${line} ${dropped}`;
  const unheld = new Set<number>();
  const lack = async (round: readonly Trial[]) => {
    options.signal?.throwIfAborted();
    const own = await make(round, options);
    own.forEach((one, i) => made.set(keyOf(round[i]), one));
    own.forEach((one, i) => one ?? unheld.add(round[i].line));
    return own.map((one) => one === null || saved(one) < wanted);
  };
  const reaches = await search(lines, lack);
  const found: Candidate[] = [];
  for (const [i, { line, begin, most }] of lines.entries()) {
    let own = made.get(keyOf({ line, dropped: reaches[i].bad }));
    // A file may hold some numbers and not larger ones, so that steps pass over the one that is sought.
    for (let dropped = begin + 1; !own && unheld.has(line) && dropped <= most; dropped++) {
      const trial = { line, dropped };
      if (!made.has(keyOf(trial))) await lack([trial]);
      const one = made.get(keyOf(trial));
      if (one && saved(one) >= wanted) own = one;
    }
    if (own) found.push(own);
  }
  return found;
}

export interface Tried {
  readonly candidate: Candidate;
  readonly cost: Cost;
  readonly keeps: Verdict;
}

/** By how much one plan saves more than another: bytes of the file, then weights; keys and values before both where `saving` names them. */
export function bySize(a: Saving, b: Saving, saving: Fit["saving"]): number {
  const kv = (one: Saving) => one.plan.saves!.kvBytesPerToken;
  return saving === "kv-bytes" && kv(a) - kv(b) || a.less - b.less ||
    a.plan.saves!.parameters - b.plan.saves!.parameters;
}

type Saving = Pick<Candidate, "plan" | "less">;

/** The largest plan that keeps the promise; of equally large ones the cheapest. Null if none does. */
export function largest(tried: readonly Tried[], saving: Fit["saving"]): Tried | null {
  return tried.filter(({ keeps, candidate: { less, plan: { saves } } }) =>
    keeps === "yes" && (saving === "kv-bytes" ? saves!.kvBytesPerToken : less || saves!.parameters) > 0
  ).sort((a, b) => bySize(b.candidate, a.candidate, saving) || a.cost.value - b.cost.value)[0] ?? null;
}

/** The most plans that a choice is confirmed along. */
const STEPS = 8;

/** Numbers on the way to the chosen one, after `begin`, that were not tried: those in between have to be known where it fails. */
export function skipped(chosen: Tried, tried: readonly Tried[], begin: number): Trial[] {
  const { line, dropped } = chosen.candidate;
  const known = new Set(tried.flatMap(({ candidate }) => candidate.line === line ? [candidate.dropped] : []));
  const steps = Math.min(STEPS, dropped - begin);
  return Array.from({ length: steps }, (_, i) => begin + Math.ceil((dropped - begin) * (i + 1) / steps))
    .filter((number) => !known.has(number)).map((dropped) => ({ line, dropped }));
}

/**
 * The plans to confirm, smallest first: those on the way to the chosen one that kept the promise. `before` is the line that its own extends.
 *
 * Many plans are tried on the samples that choose, and one of them may keep the promise by luck. The choice is therefore confirmed on the
 * other samples, up to the first plan that does not keep the promise there: tests in a fixed order need no correction for their number
 * (Maurer, Hothorn and Lehmacher 1995; Angelopoulos et al. 2021, arXiv 2110.01052, "fixed sequence testing").
 */
export function pathTo(chosen: Tried, tried: readonly Tried[], before: number | null): Tried[] {
  const { line, dropped } = chosen.candidate;
  return tried
    .filter(({ candidate, keeps }) =>
      keeps === "yes" && candidate.dropped <= dropped &&
      (candidate.line === line || candidate.line === before)
    )
    .sort((a, b) => a.candidate.dropped - b.candidate.dropped || Number(a === chosen) - Number(b === chosen));
}

/** The best other plan of each other line that kept the promise, best first; each plan once. */
export function runnersUp(chosen: Tried, tried: readonly Tried[], saving: Fit["saving"]): Tried[] {
  const seen = new Set([planHash(chosen.candidate.drop)]);
  const others = tried.filter(({ candidate: { line, drop } }) =>
    line !== chosen.candidate.line && seen.size < seen.add(planHash(drop)).size
  );
  const best = [...Map.groupBy(others, ({ candidate }) => candidate.line).values()]
    .flatMap((own) => largest(own, saving) ?? []);
  return best.sort((a, b) => bySize(b.candidate, a.candidate, saving));
}
