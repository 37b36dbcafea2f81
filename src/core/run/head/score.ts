/**
 * The head, last: how well each plan predicts the next token, compared with the full model.
 *
 * Final streams are normed once; then slices of the vocabulary pass, each weight row read once, and for each slice
 * chunks of positions with all plans side by side. A slice gives for every position its maximum, Σ exp, best token,
 * the target's logit, and Σ p_full · (z_full − z) towards the divergence; slices are merged in float64. The full
 * logits never exist. A logit is no larger than its two rows are long: where those are finite, so is it.
 */
import { released, sum } from "../../entry/mod.ts";
import type { Held } from "../../engine/mod.ts";
import type { Model } from "../../models/mod.ts";
import { type DropPlan, isFull, noDrop, planPhrase } from "../../measure/mod.ts";
import { forward, type ForwardOptions } from "../forward.ts";
import { headsOf } from "../plan/variants.ts";
import { freeAll, type State } from "../held.ts";
import { openScorer } from "./scorer.ts";
import type { Batch, Segment } from "../segments.ts";
import type { Scores, Targets } from "./slices.ts";

/** Sums over the predicted tokens of one sample. */
export interface ScoreSums {
  /** Σ −ln p(token), nats. */
  nll: number;
  /** Σ KL(p_full ‖ p_drop), nats. */
  kl: number;
  /** Positions whose most probable token is also the full model's. */
  top1: number;
  /** Predicted tokens: T − 1. */
  tokens: number;
}

/** Final streams of the full model, N · T · D numbers, by first segment of a batch: what plans are held against. To be freed. */
export type Reference = { readonly streams: Map<number, Held>; free(): void };

/** A reference without streams. The first scores that are held against it compute them, in the run of their own plans. */
export function openReference(): Reference {
  const streams = new Map<number, Held>();
  return {
    streams,
    free() {
      freeAll(streams.values());
      streams.clear();
    },
  };
}

/** The plans of the scores that fill a reference: the full model is one of them. */
export function withFull(plans: readonly DropPlan[]): readonly DropPlan[] {
  return plans.some(isFull) ? plans : [...plans, noDrop];
}

/** A reference of one pass: for plans whose run is changed while the full model's is not. */
export async function reference(options: Omit<ForwardOptions, "plans" | "finish">): Promise<Reference> {
  const full = openReference();
  try {
    await forward({ ...options, plans: [noDrop], finish: ([state], batches) => keep(full, state, batches) });
  } catch (error) {
    full.free();
    throw error;
  }
  return full;
}

/** Keeps the full model's streams over some batches; a batch that runs again for what continues it takes the place of itself. */
export function keep({ streams }: Reference, state: State, batches: readonly Batch[]): readonly State[] {
  batches.forEach(({ first }, b) => {
    streams.get(first)?.free();
    streams.set(first, state.batches[b]);
  });
  return [state];
}

/** Plans, and what they are held against. */
export type ScoreOptions = Omit<ForwardOptions, "finish"> & {
  /** The full model's streams over the same texts; without them, plans have no divergence and agreement: both are 0. */
  readonly reference?: Reference | undefined;
  /** Whose streams the reference has; default: the plans' model. */
  readonly original?: Model;
  /** Sees the scores of every row of some batches, the reference's ahead. */
  readonly onRows?: (scores: readonly Scores[]) => void;
  /** Sees the divergences of each sample's tokens under each plan, in nats. */
  readonly onTokens?: ((plan: number, kl: Float64Array) => void) | undefined;
  /** Called after each slice of logits, with the logits of one plan done and to do. */
  readonly onScore?: (done: number, total: number) => void;
};

/** Scores every plan on every text: result[plan][sample]. Throws `RangeError` where norm or head is not finite. */
export async function score(options: ScoreOptions): Promise<ScoreSums[][]> {
  const { plans, segments, engine, model, reference } = options;
  const fills = reference?.streams.size === 0;
  const run = fills ? withFull(plans) : plans;
  const result = plans.map((): ScoreSums[] => []);
  await using scorer = released(await openScorer(model, engine, options.signal));
  let scored = 0;
  const predicted = segments.reduce((sum, { ids }) => sum + ids.length - 1, 0);
  const every = predicted * model.spec.vocabulary;
  await forward({
    ...options,
    plans: run,
    async finish(states, batches) {
      const stateOf = (index: number) => states.find((state) => state.plans.includes(index))!;
      const full = fills ? stateOf(run.findIndex(isFull)) : null;
      const kept = full ? keep(reference!, full, batches) : [];
      const streams = reference ? [batches.map(({ first }) => reference.streams.get(first)!)] : [];
      // The full model of this run is scored once, also where it is a plan; probes may change one that runs beside a reference.
      const places = plans.map((plan, index) =>
        full && isFull(plan) ? 0 : streams.push(stateOf(index).batches) - 1
      );
      const before = scored;
      const onScore = (done: number) => options.onScore?.(scored = before + done, every);
      const targets = batches.map((batch) => nextTokens(segments, batch));
      const own = plans.filter((plan) => !(full && isFull(plan)));
      const heads = [...reference ? [options.original ?? model] : [], ...headsOf(model, own)];
      const scores = await scorer.score(streams, targets, reference !== undefined, { onScore, heads });
      options.onRows?.(scores);
      places.forEach((place, plan) => {
        const each = options.onTokens && ((kl: Float64Array) => options.onTokens!(plan, kl));
        result[plan].push(...sumsOf(scores[place], batches, each));
      });
      return kept;
    },
  });
  plans.forEach((plan, i) => expectPerplexity(model, plan, result[i]));
  return result;
}

/** Throws where e to the nats per token, or the divergence, is beyond a number. */
function expectPerplexity({ name }: Model, plan: DropPlan, samples: readonly ScoreSums[]): void {
  const perToken = (key: "nll" | "kl") =>
    sum(samples, (sample) => sample[key]) / sum(samples, ({ tokens }) => tokens);
  if (Number.isFinite(Math.exp(perToken("nll"))) && Number.isFinite(perToken("kl"))) return;
  const most = Math.floor(Math.log(Number.MAX_VALUE));
  throw new RangeError(
    `Cannot score ${name}, ${planPhrase(plan)}: ${
      perToken("nll")
    } nats per token, expected at most ${most} ` +
      "(its perplexity would not be finite)",
  );
}

/** Every row of a batch's texts but their last, and the token behind it. */
function nextTokens(segments: readonly Segment[], { first, count, length }: Batch): Targets {
  const perText = length - 1;
  const every = (value: (text: number, row: number) => number) =>
    Int32Array.from({ length: count * perText }, (_, i) => value(Math.floor(i / perText), i % perText));
  return {
    rows: every((text, row) => text * length + row),
    tokens: every((text, row) => segments[first + text].ids[row + 1]),
    of: Int32Array.from({ length: count * perText }, (_, i) => i),
  };
}

function sumsOf(
  scores: Scores,
  batches: readonly Batch[],
  onTokens?: (kl: Float64Array) => void,
): ScoreSums[] {
  const lengths = batches.flatMap(({ count, length }) => Array<number>(count).fill(length - 1));
  let row = 0;
  return lengths.map((tokens) => {
    const ofText = (values: Float64Array | Uint8Array) => sum(values.subarray(row, row + tokens));
    const sums = { nll: ofText(scores.nll), kl: ofText(scores.kl), top1: ofText(scores.agrees), tokens };
    onTokens?.(scores.kl.subarray(row, row + tokens));
    row += tokens;
    return sums;
  });
}
