import { forward, type ForwardOptions } from "../forward.ts";
import { keep, type Reference } from "../head/score.ts";
import { openScorer } from "../head/scorer.ts";
import { headsOf } from "../plan/variants.ts";
import type { Batch } from "../segments.ts";
import type { State } from "../held.ts";
import type { Scores, Targets } from "../head/slices.ts";
import { type Asked, packingOf, packRequests } from "./pack.ts";
import type { ScoredRequest } from "./plant.ts";

/** Requests and plans, of which the first is what the others are held against: the full model. */
type RequestOptions =
  & Pick<ForwardOptions, "model" | "engine" | "plans" | "budget" | "signal" | "onProgress">
  & {
    readonly requests: readonly ScoredRequest[];
    /** The first plan's streams over the same requests: they are kept here if there are none, else it does not run again. */
    readonly reference?: Reference | undefined;
  };

/** A request under a plan. */
export interface RequestScore {
  /** Σ ln p(target), nats. */
  logLikelihood: number;
  /** Whether every target is the most probable token of its row. */
  greedy: boolean;
  /** Σ KL(p_first ‖ p_plan) over its rows, nats. */
  kl: number;
  /** Rows whose most probable token is also the first plan's. */
  agreeing: number;
}

/** Scores by plan and request. Throws `RangeError` where numbers are not finite. */
export async function scoreRequests(options: RequestOptions): Promise<RequestScore[][]> {
  const { model, engine, requests, plans, signal, reference } = options;
  const known = reference && reference.streams.size > 0 ? reference.streams : null;
  const run = known ? plans.slice(1) : plans;
  const { segments, asked } = packRequests(requests, packingOf(model.spec));
  const scores = plans.map(() =>
    requests.map((): RequestScore => ({ logLikelihood: 0, greedy: true, kl: 0, agreeing: 0 }))
  );
  const scorer = await openScorer(model, engine, signal);
  const seen = new Set<number>();

  async function finish(states: readonly State[], batches: readonly Batch[]): Promise<readonly State[]> {
    const stateOf = (index: number) => states.find((state) => state.plans.includes(index))!;
    const kept = reference && !known ? keep(reference, stateOf(0), batches) : [];
    // A segment that several groups continue has run before.
    const fresh = batches.map(({ first }) => seen.size < seen.add(first).size);
    const asks = batches.map((batch, b) => fresh[b] ? askedOf(asked, batch) : []);
    if (asks.every((some) => some.length === 0)) return kept;
    const streams = [
      ...known ? [batches.map(({ first }) => known.get(first)!)] : [],
      ...run.map((_, index) => stateOf(index).batches),
    ];
    const heads = headsOf(model, plans);
    const found = await scorer.score(streams, asks.map((some) => targetsOf(some)), true, { heads });
    found.forEach((own, plan) => addTo(scores[plan], asks, own));
    return kept;
  }

  try {
    const { budget, onProgress } = options;
    await forward({ model, engine, segments, plans: run, budget, signal, onProgress, finish });
  } finally {
    await scorer.release();
  }
  return scores;
}

/** The tokens that a batch's rows predict, by row. */
function askedOf(asked: readonly (readonly Asked[])[], { first, count, length }: Batch): Asked[] {
  const all = Array.from(
    { length: count },
    (_, i) => asked[first + i].map((one) => ({ ...one, row: i * length + one.row })),
  ).flat();
  return all.sort((a, b) => a.row - b.row);
}

function targetsOf(asked: readonly Asked[]): Targets {
  const rows = [...new Set(asked.map(({ row }) => row))];
  const place = new Map(rows.map((row, i) => [row, i]));
  return {
    rows: Int32Array.from(rows),
    tokens: Int32Array.from(asked, ({ token }) => token),
    of: Int32Array.from(asked, ({ row }) => place.get(row)!),
  };
}

function addTo(scores: RequestScore[], batches: readonly (readonly Asked[])[], found: Scores): void {
  let row = -1;
  let target = 0;
  for (const asked of batches) {
    let last = -1;
    for (const one of asked) {
      if (one.row !== last) row++;
      last = one.row;
      const score = scores[one.request];
      score.logLikelihood -= found.nll[target];
      score.greedy &&= found.best[target] === 1;
      score.kl += found.kl[row];
      score.agreeing += found.agrees[row];
      target++;
    }
  }
}
