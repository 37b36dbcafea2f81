/**
 * The head, last: how well each plan predicts the next token, compared with the full model.
 *
 * Final streams are normed once; then slices of the vocabulary pass, each weight row read once, and for each slice
 * chunks of positions with all plans side by side. A slice gives for every position its maximum, Σ exp, best token,
 * the target's logit, and Σ p_full · (z_full − z) towards the divergence; slices are merged in float64. The full
 * logits never exist. A logit is no larger than its two rows are long: where those are finite, so is it.
 */
import type { Engine, Held } from "../engine/mod.ts";
import { type Model, normGraph } from "../models/mod.ts";
import {
  ArgMax,
  createGraph,
  Exp,
  GatherElements,
  Gemm,
  type Graph,
  MatMul,
  ReduceMax,
  ReduceSum,
  Reshape,
  Slice,
  softcap,
  Sub,
  Transpose,
} from "../onnx/mod.ts";
import { float32, type Tensor, toFloat32 } from "../tensor/mod.ts";
import { areFinite, notFinite, readSquares } from "./finite.ts";
import { type Batch, type Blocks, forward, type ForwardOptions } from "./forward.ts";
import { finalNorm, headRows, headSlices } from "./head.ts";
import { pauses } from "./pause.ts";
import { type DropPlan, noDrop } from "./plan.ts";
import { openPrograms } from "./programs.ts";

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

/** Logits that exist at once. */
const LOGITS = 4 * 2 ** 20;

/** Final streams of the full model, by first sample of a batch: what plans are held against. */
export type Reference = ReadonlyMap<number, Held>;

/** The full model's side of later comparisons: one pass, N · T · D numbers kept. */
export async function reference(options: Omit<ForwardOptions, "plans" | "finish">): Promise<Reference> {
  const kept = new Map<number, Held>();
  await forward({
    ...options,
    plans: [noDrop],
    finish([state], batches) {
      batches.forEach(({ first }, b) => kept.set(first, state.batches[b]));
      return Promise.resolve();
    },
  });
  return kept;
}

/** Plans, and the full model's streams over the same blocks. */
export type ScoreOptions = Omit<ForwardOptions, "finish"> & {
  readonly reference: Reference;
  /** Called after each slice of logits, with the logits of one plan done and to do. */
  readonly onScore?: (done: number, total: number) => void;
};

/** Scores every plan on every sample: result[plan][sample]. Throws `RangeError` where norm or head is not finite. */
export async function score(options: ScoreOptions): Promise<ScoreSums[][]> {
  const { plans, blocks, engine, model } = options;
  const result = plans.map((): ScoreSums[] => []);
  const head = await openHead(model, engine);
  let scored = 0;
  const every = blocks.samples * (blocks.length - 1) * model.spec.vocabulary;
  try {
    await forward({
      ...options,
      async finish(states, batches) {
        const full = batches.map(({ first }) => options.reference.get(first)!);
        const own = plans.map((_, index) => states.find((state) => state.plans.includes(index))!.batches);
        const before = scored;
        const onScore = (done: number) => options.onScore?.(scored = before + done, every);
        const sums = await head.score([full, ...own], batches, blocks, options.signal, onScore);
        new Set(states.flatMap((state) => state.batches)).forEach(engine.free);
        sums.slice(1).forEach((samples, plan) => {
          samples.forEach((sum, i) => result[plan][batches[0].first + i] = sum);
        });
      },
    });
  } finally {
    await head.release();
  }
  plans.forEach((plan, i) => expectPerplexity(model, plan, result[i]));
  return result;
}

/** Throws where e to the nats per token, or the divergence, is beyond a number. */
function expectPerplexity({ name }: Model, plan: DropPlan, samples: readonly ScoreSums[]): void {
  const perToken = (key: "nll" | "kl") =>
    samples.reduce((sum, sample) => sum + sample[key], 0) /
    samples.reduce((sum, { tokens }) => sum + tokens, 0);
  if (Number.isFinite(Math.exp(perToken("nll"))) && Number.isFinite(perToken("kl"))) return;
  const most = Math.floor(Math.log(Number.MAX_VALUE));
  throw new RangeError(
    `Cannot score ${name} without ${JSON.stringify(plan)}: ${
      perToken("nll")
    } nats per token, expected at most ${most} ` +
      "(its perplexity would not be finite)",
  );
}

async function openHead(model: Model, engine: Engine) {
  const { spec, spec: { hidden, vocabulary } } = model;
  const normWeights = Object.fromEntries(
    [...await finalNorm(model)].map(([name, tensor]) => [name, float32(tensor.shape, toFloat32(tensor))]),
  );
  const programs = openPrograms(engine);

  /** Normed streams [plan][positions that predict, D], and the tokens they predict. */
  async function gather(
    streams: readonly (readonly Held[])[],
    batches: readonly Batch[],
    { ids, length }: Blocks,
  ) {
    const samples = batches.reduce((sum, batch) => sum + batch.count, 0);
    const positions = samples * (length - 1);
    const rows = streams.map(() => new Float32Array(positions * hidden));
    const norm = await programs.get("norm", () => normGraph(spec.finalNorm, hidden));
    for (const [plan, held] of streams.entries()) {
      let sample = 0;
      for (const [b, { count }] of batches.entries()) {
        const { y, squares } = await norm.run({ ...normWeights, x: held[b] });
        if (!areFinite(await readSquares(engine, squares))) {
          throw notFinite(model, "final norm", Object.entries(normWeights));
        }
        const { data } = await engine.read(y);
        for (let i = 0; i < count; i++, sample++) {
          const start = i * length * hidden;
          const part = (data as Float32Array).subarray(start, start + (length - 1) * hidden);
          rows[plan].set(part, sample * (length - 1) * hidden);
        }
        engine.free(y);
      }
    }
    const targets = new Int32Array(positions);
    for (let sample = 0; sample < samples; sample++) {
      const start = (batches[0].first + sample) * length;
      targets.set(ids.subarray(start + 1, start + length), sample * (length - 1));
    }
    return { rows, targets, positions, samples };
  }

  return {
    /** Sums for each plan and sample of a group. */
    async score(
      streams: readonly (readonly Held[])[],
      batches: readonly Batch[],
      blocks: Blocks,
      signal?: AbortSignal,
      onScore?: (done: number) => void,
    ): Promise<ScoreSums[][]> {
      const { rows, targets, positions, samples } = await gather(streams, batches, blocks);
      const plans = rows.length;
      const merged = merger(positions, plans);
      const pause = pauses(signal);
      const slices = headSlices(vocabulary);
      const chunk = Math.max(1, Math.floor(LOGITS / (plans * slices[0][1])));
      for (const [start, end] of slices) {
        const weight = await headRows(model, [start, end]);
        const program = await programs.get(
          [plans, end - start],
          () => sliceGraph(hidden, plans, end - start, spec.head.softcap),
        );
        for (let first = 0; first < positions; first += chunk) {
          await pause();
          const last = Math.min(first + chunk, positions);
          const local = BigInt64Array.from({ length: (last - first) * plans }, (_, i) => {
            const target = targets[first + Math.trunc(i / plans)] - start;
            return BigInt(Math.min(Math.max(target, 0), end - start - 1));
          });
          const held = await program.run({
            hidden: float32([last - first, plans, hidden], sideBySide(rows, first, last, hidden)),
            weight,
            target: { dtype: "i64", shape: [last - first, plans, 1], data: local },
          });
          const outputs: Record<string, Tensor["data"]> = {};
          for (const [name, value] of Object.entries(held)) outputs[name] = (await engine.read(value)).data;
          merged.add(first, last, start, end, targets, outputs);
          Object.values(held).forEach(engine.free);
          onScore?.(start * positions + last * (end - start));
        }
      }
      return merged.sums(samples);
    },
    release: programs.release,
  };
}

/** Positions [first, last) of every plan: [positions, plans, D]. */
function sideBySide(
  rows: readonly Float32Array[],
  first: number,
  last: number,
  hidden: number,
): Float32Array {
  const plans = rows.length;
  const out = new Float32Array((last - first) * plans * hidden);
  for (let position = first; position < last; position++) {
    for (let plan = 0; plan < plans; plan++) {
      const row = rows[plan].subarray(position * hidden, (position + 1) * hidden);
      out.set(row, ((position - first) * plans + plan) * hidden);
    }
  }
  return out;
}

/** Logits of P plans over S words: hidden [n, P, D], weight [S, D], target [n, P, 1] → statistics [n, P, …]. */
function sliceGraph(hidden: number, plans: number, words: number, cap: number | null): Graph {
  const graph = createGraph();
  const stream = graph.input("hidden", "f32", ["n", plans, hidden]);
  const weight = graph.input("weight", "f32", [words, hidden]);
  const target = graph.input("target", "i64", ["n", plans, 1]);
  const raw = Gemm(Reshape(stream, [-1, hidden]), weight);
  const z = Reshape(cap ? softcap(raw, cap) : raw, [-1, plans, words]);
  const max = ReduceMax(z, [2], 1);
  const exp = Exp(Sub(z, max));
  graph.output("max", max);
  graph.output("sum", ReduceSum(exp, [2], 1));
  graph.output("best", ArgMax(z, 2, 1), "i64");
  graph.output("target_logit", GatherElements(z, target, 2));
  if (plans > 1) {
    const full = Slice(z, 0, 1, 1);
    const weights = Transpose(Slice(exp, 0, 1, 1), [0, 2, 1]);
    graph.output("difference", MatMul(Sub(full, z), weights));
  }
  return graph;
}

/** Merges the slices' statistics of every position and plan. */
function merger(positions: number, plans: number) {
  const size = positions * plans;
  const max = new Float64Array(size).fill(-Infinity);
  const sum = new Float64Array(size);
  const difference = new Float64Array(size);
  const best = new Int32Array(size);
  const logit = new Float64Array(size);
  return {
    add(
      first: number,
      last: number,
      start: number,
      end: number,
      targets: Int32Array,
      outputs: Record<string, Tensor["data"]>,
    ) {
      const own = outputs as Record<string, Float32Array>;
      const arg = outputs.best as BigInt64Array;
      for (let position = first; position < last; position++) {
        const here = targets[position] >= start && targets[position] < end;
        const fullMax = own.max[(position - first) * plans];
        const fullBefore = max[position * plans];
        const fullAfter = Math.max(fullBefore, fullMax);
        for (let plan = 0; plan < plans; plan++) {
          const from = (position - first) * plans + plan;
          const to = position * plans + plan;
          const before = max[to];
          const after = Math.max(before, own.max[from]);
          if (own.max[from] > before) best[to] = start + Number(arg[from]);
          sum[to] = sum[to] * Math.exp(before - after) + own.sum[from] * Math.exp(own.max[from] - after);
          max[to] = after;
          if (here) logit[to] = own.target_logit[from];
          if (plans > 1) {
            difference[to] = difference[to] * Math.exp(fullBefore - fullAfter) +
              own.difference[from] * Math.exp(fullMax - fullAfter);
          }
        }
      }
    },
    sums(samples: number): ScoreSums[][] {
      const perSample = positions / samples;
      const logSum = (index: number) => max[index] + Math.log(sum[index]);
      return Array.from({ length: plans }, (_, plan) =>
        Array.from({ length: samples }, (_, sample) => {
          const total = { nll: 0, kl: 0, top1: 0, tokens: perSample };
          for (let position = sample * perSample; position < (sample + 1) * perSample; position++) {
            const full = position * plans;
            const own = full + plan;
            total.nll += logSum(own) - logit[own];
            if (plan > 0) total.kl += difference[own] / sum[full] - logSum(full) + logSum(own);
            total.top1 += Number(best[own] === best[full]);
          }
          return total;
        }));
    },
  };
}
