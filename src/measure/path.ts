/**
 * Paths: a model's layers again, in another order, in a damped loop or side by side. A path is a list of steps; `routeOf` makes it
 * visits of single layers. Each visit has keys and values of its own.
 */

/**
 * A damped loop over the layers of a window g (arXiv 2605.23872): x ← (1 − 1/K) x + (1/K) g(x), K times, which leaves F. The stream
 * behind it is β g(x₀) + (1 − β) F(x₀).
 */
export interface Loop {
  /** The first and the last layer of the window. */
  readonly loop: readonly [first: number, last: number];
  /** K, 2 or more. */
  readonly times: number;
  /** β, the share of the single visit, from 0 to 1. */
  readonly once: number;
}

/** One way of a map of paths: a window twice, two neighbours in the other order or side by side, a damped loop. */
export type Way = "repeat" | "swap" | "beside" | "loop";
/** All of them. */
export const WAYS: readonly Way[] = ["repeat", "swap", "beside", "loop"];

/** Layers that read the same stream; their updates add. */
export interface Beside {
  /** The layers; one may be there more than once. */
  readonly beside: readonly number[];
}

/** A layer, 0-based in the original numbering, or a form that runs several. */
export type Step = number | Loop | Beside;
/** The steps of a model, in the order in which they run. */
export type Path = readonly Step[];

/** A sum of streams, by their numbers: 0 enters the first visit, i leaves the i-th. */
export type Mix = readonly (readonly [stream: number, weight: number])[];

/** One run of a layer. */
export interface Visit {
  readonly layer: number;
  /** Which visit of its layer it is, from 0. */
  readonly visit: number;
  /** The stream that enters it. */
  readonly from: Mix;
}

/** The visits of a path, and the stream that the head reads. */
export interface Route {
  readonly visits: readonly Visit[];
  readonly end: Mix;
}

/** The route of so many layers, each run once; `joins` are the streams that they read, where not each reads the one before it. */
export function plainRoute(layers: number, joins?: readonly Mix[]): Route {
  const stream = (i: number): Mix => joins?.[i] ?? [[i, 1]];
  const visits = Array.from({ length: layers }, (_, i) => ({ layer: i, visit: 0, from: stream(i) }));
  return { visits, end: stream(layers) };
}

/** The streams that the visits and the head read; absent where each reads the stream before it. */
export function joinsOf({ visits, end }: Route): readonly Mix[] | undefined {
  const joins = [...visits.map(({ from }) => from), end];
  return joins.every((mix, i) => streamOf(mix) === i) ? undefined : joins;
}

/** The one stream that a sum is; null for any other sum. */
export function streamOf(mix: Mix): number | null {
  return mix.length === 1 && mix[0][1] === 1 ? mix[0][0] : null;
}

/** Visits of one path at most: a plan is a file from anywhere, and each visit costs time. */
export const MOST_VISITS = 4096;

export function routeOf(path: Path): Route {
  const visits: Visit[] = [];
  const counts = new Map<number, number>();
  const through = (from: Mix, layer: number): Mix => {
    const visit = counts.get(layer) ?? 0;
    counts.set(layer, visit + 1);
    visits.push({ layer, visit, from });
    return [[visits.length, 1]];
  };
  const end = path.reduce<Mix>((x, step) => {
    if (typeof step === "number") return through(x, step);
    if ("beside" in step) {
      const left = step.beside.map((layer): Weighted => [1, through(x, layer)]);
      return mixOf([[1 - left.length, x], ...left]);
    }
    const { times, once } = step;
    const rounds = Array.from({ length: times }, () => layersOf(step));
    const first = rounds[0].reduce(through, x);
    const looped = rounds.slice(1).reduce((y, round) => {
      return mixOf([[1 - 1 / times, y], [1 / times, round.reduce(through, y)]]);
    }, mixOf([[1 - 1 / times, x], [1 / times, first]]));
    return mixOf([[once, first], [1 - once, looped]]);
  }, [[0, 1]]);
  return { visits, end };
}

type Weighted = readonly [weight: number, streams: Mix];

/** A weighted sum of sums, each stream once, without those of weight 0. */
export function mixOf(terms: readonly Weighted[]): Mix {
  const weights = new Map<number, number>();
  for (const [weight, streams] of terms) {
    for (const [stream, own] of streams) weights.set(stream, (weights.get(stream) ?? 0) + weight * own);
  }
  return [...weights].filter(([, weight]) => weight !== 0).sort(([a], [b]) => a - b);
}

/** The layers of a step, each once. */
export function layersOf(step: Step): number[] {
  if (typeof step === "number") return [step];
  if ("beside" in step) return [...step.beside];
  const [first, last] = step.loop;
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** "0-12,10-29", "0-9,10-13~2/0.5,14|15": what `pathIn` reads. */
export function pathText(path: Path): string {
  return layerRuns(path).map((run) => run.length > 1 ? `${run[0]}-${run.at(-1)}` : stepText(run[0])).join(
    ",",
  );
}

function stepText(step: Step): string {
  if (typeof step === "number") return `${step}`;
  return "beside" in step ? step.beside.join("|") : `${step.loop.join("-")}~${step.times}/${step.once}`;
}

/** A path in pieces: layers that follow one another, and other steps alone. */
export function layerRuns(path: Path): Step[][] {
  const runs: Step[][] = [];
  for (const step of path) {
    const run = runs.at(-1);
    if (typeof step === "number" && run?.at(-1) === step - 1) run.push(step);
    else runs.push([step]);
  }
  return runs;
}

/** The share of the single visit in a loop that does not name it (arXiv 2605.23872). */
const ONCE = 0.5;

const GRAMMAR =
  'layers as "0-12,10-29"; "10-13~2" is a damped loop of two rounds, "10-13~2/0" one without the single ' +
  'visit, "14|15" two layers side by side';

/** Reads a path. Throws `RangeError` for a text that is none. */
export function pathIn(text: string): Path {
  const steps = text.split(",").map(stepsIn);
  if (steps.every((own) => own !== null)) return steps.flat();
  throw new RangeError(`path is ${JSON.stringify(text)}, expected ${GRAMMAR}`);
}

/** What a part of a path's text says; null for nothing. */
function stepsIn(part: string): Path | null {
  const [, first, last = first, times, once = ONCE] =
    /^\s*(\d{1,6})(?:-(\d{1,6}))?(?:~(\d{1,6})(?:\/(\d*\.?\d+))?)?\s*$/.exec(part) ?? [];
  if (first === undefined) {
    return /^\s*\d{1,6}(?:\|\d{1,6})+\s*$/.test(part) ? [{ beside: part.split("|").map(Number) }] : null;
  }
  const window = [Number(first), Number(last)] as const;
  if (window[0] > window[1]) return null;
  const loop = { loop: window, times: Number(times), once: Number(once) };
  return times === undefined ? layersOf(loop) : [loop];
}
