/**
 * A tiny model on an engine beside Hugging Face's float32 on the CPU: how far off it is, and how far it may be. For the tests on the
 * CPU, and for `deno task gpu-check` on whatever device there is.
 *
 * States agree within `stateTolerance` (model.ts). A mean over n tokens has 1/√n of a token's error; a cosine at most the
 * relative errors of its two vectors together. Where an engine rounds the factors of products to p bits, all of that is
 * 2^(24 − p) times as large.
 */
import { type Engine, type Precision, take } from "core/engine/mod.ts";
import { mean, noDrop } from "core/measure/mod.ts";
import { type Model, type ModelSpec, rotationRegime, scoring } from "core/models/mod.ts";
import { type Blocks, forward, type Probe, reference, score, segmentsOf } from "core/run/mod.ts";
import type { Observation } from "core/run/probes/probe.ts";
import type { Tensor } from "core/tensor/mod.ts";
import type { Fixture } from "../../fixtures/read.ts";
import { distance, gramSums, largest, stateTolerance } from "../../model.ts";
import { finalStreams, stepLogits } from "../run/states.ts";

export type Deviation = { readonly what: string; readonly error: number; readonly most: number };

type Direction = "alpha" | "beta" | "along" | "turning";

export type Opened = { readonly model: Model; readonly blocks: Blocks; readonly expected: Fixture };

/** Bits of the factors of products. */
export const BITS: Readonly<Record<Precision, number>> = { float32: 24, tf32: 11, bfloat16: 8, int8: 7 };

/** Tokens that are read at once before the steps. */
const PROMPT = 5;

/** What a state may be off by, relative to its largest element. */
export function tolerance({ precision }: Pick<Engine, "precision">, spec: ModelSpec): number {
  return stateTolerance(spec) * 2 ** (24 - BITS[precision]);
}

/** Elements of an expected [N, T, D] for samples [first, first + count). */
function expectedAt({ tensors }: Fixture, name: string, { first, count }: { first: number; count: number }) {
  const { shape: [, tokens, hidden], data } = tensors.get(name)!;
  return data.subarray(first * tokens * hidden, (first + count) * tokens * hidden) as Float32Array;
}

const values = ({ data }: Tensor) => data as Float32Array;
const relative = (actual: Float32Array, expected: Float32Array) =>
  distance(actual, expected) / largest(expected);

/** x, a and m of every layer and the last stream, and their sum against the next stream: that to the last bit. */
export async function stateDeviations(
  engine: Engine,
  { model, blocks, expected }: Opened,
): Promise<Deviation[]> {
  const found: Deviation[] = [];
  const most = tolerance(engine, model.spec);
  const probe: Probe = {
    update: ({ x, a, m, y }) => ({ seen_x: x, seen_a: a!, seen_m: m!, seen_y: y }),
    observeUpdate(seen: Observation) {
      const [x, a, m, y] = ["x", "a", "m", "y"].map((name) => values(seen.outputs[`seen_${name}`]));
      for (const [name, actual] of Object.entries({ x, a, m })) {
        const what = `${name}.${seen.layer}`;
        found.push({ what, error: relative(actual, expectedAt(expected, what, seen)), most });
      }
      const next = x.map((value, i) => Math.fround(value + a[i]) + m[i]); // a Float32Array rounds the second sum
      found.push({ what: `layer ${seen.layer}: x + a + m`, error: distance(next, y), most: 0 });
    },
  };
  let finished = 0;
  await forward({
    model,
    engine,
    segments: segmentsOf(blocks),
    plans: [noDrop],
    probes: [probe],
    async finish([state], batches) {
      for (const [b, batch] of batches.entries()) {
        const actual = values(await take(engine, state.batches[b]));
        found.push({ what: "final", error: relative(actual, expectedAt(expected, "final", batch)), most });
        finished += batch.count;
      }
    },
  });
  return [...found, { what: "samples", error: Math.abs(finished - blocks.samples), most: 0 }];
}

/**
 * |u| / |X| of every token in Hugging Face's states, and how far off an engine's may be: each state by its tolerance. α, β and cos² in
 * float64; t = β / (1 + α) moves by what α and β move by, (1 + t) / |1 + α| times, and t² / 2 by t times that.
 */
function ratiosOf({ tensors }: Fixture, { layers, hidden }: ModelSpec, tolerance: number) {
  const sum = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + b[i]);
  return layers.map(({ residual }, l) => {
    const [x, a, m] = ["x", "a", "m"].map((name) => tensors.get(`${name}.${l}`)!.data);
    const [offX, offA, offM] = [x, a, m].map((data) => tolerance * Math.sqrt(hidden) * largest(data));
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    const ratios = (of: (...token: Float64Array[]) => Float64Array[], off: number[]) =>
      Array.from({ length: x.length / hidden }, (_, t) => {
        const token = [x, a, m].map((data) => Float64Array.from(data.subarray(t * hidden, (t + 1) * hidden)));
        const [xs, us] = of(...token);
        const [xx, xu, uu] = [dot(xs, xs), dot(xs, us), dot(us, us)];
        const [stream, value, alpha] = [Math.sqrt(xx), Math.sqrt(uu / xx), xu / xx];
        const beta = Math.sqrt(dot(us, us.map((u, i) => u - alpha * xs[i])) / xx);
        const turn = beta / Math.abs(1 + alpha);
        const error = stream > off[0] ? (off[1] + value * off[0]) / (stream - off[0]) : Infinity;
        const turns = Math.min(2, 2 * error * turn * (1 + turn) / Math.abs(1 + alpha));
        const [along, turning] = [xu ** 2 / (xx * uu), Math.min(turn ** 2 / 2, 2)];
        return { value, error, alpha, beta, along, turning, turns };
      }).filter(({ value }) => Number.isFinite(value)); // a token of zeros is left out
    const parallel = residual === "parallel";
    return {
      attention: ratios((x, a) => [x, a], [offX, offA]),
      mlp: ratios((x, a, m) => [parallel ? x : sum(x, a), m], [parallel ? offX : offX + offA, offM]),
      block: ratios((x, a, m) => [x, sum(a, m)], [offX, offA + offM]),
    };
  });
}

/** Importance, relative magnitude, sign and directions of every module; the largest magnitude of a token, and how many are above 2. */
export async function meanDeviations(
  engine: Engine,
  { model, blocks, expected }: Opened,
): Promise<Deviation[]> {
  const { meta } = expected;
  const ratios = ratiosOf(expected, model.spec, tolerance(engine, model.spec));
  const sums = await gramSums(model, blocks, { on: engine });
  const most = 2 * tolerance(engine, model.spec) / Math.sqrt(blocks.ids.length);
  return (["attention", "mlp", "block"] as const).flatMap((kind) => {
    const { importance, relativeMagnitude, sign } = meta[kind];
    return sums.flatMap((layer, l) => {
      const measured = (key: "distance" | "magnitude" | "sign" | Direction) =>
        mean(layer[kind]!.map((sample) => sample[key] / sample.counted));
      const errors = {
        importance: Math.abs(measured("distance") - importance[l]),
        magnitude: Math.abs(measured("magnitude") - relativeMagnitude[l]) / relativeMagnitude[l],
        sign: Math.abs(measured("sign") - sign[l]),
      };
      const own = ratios[l][kind];
      const directions = (["alpha", "beta", "along", "turning"] as const).map((name) => {
        const error = Math.abs(measured(name) - mean(own.map((token) => token[name])));
        const scale = name === "along" ? 1 : relativeMagnitude[l]; // α and β are cosine and sine times the magnitude
        const bound = name === "turning" ? mean(own.map(({ turns }) => turns)) : 2 * most * scale;
        return { what: `${name}, ${kind} ${l}`, error, most: bound };
      });
      const highest = own.reduce((a, b) => a.value > b.value ? a : b);
      const found = layer[kind]!.reduce((most, { largest }) => Math.max(most, largest), 0);
      const above = own.filter(({ value }) => value > 2).length;
      const near = own.filter(({ value, error }) => Math.abs(value - 2) <= error).length;
      const counted = layer[kind]!.reduce((sum, { above2 }) => sum + above2, 0);
      return [
        ...Object.entries(errors).map(([name, error]) => ({ what: `${name}, ${kind} ${l}`, error, most })),
        ...directions,
        {
          what: `largest magnitude, ${kind} ${l}`,
          error: Math.abs(found - highest.value),
          most: Math.max(...own.map(({ error }) => error)), // two near maxima may change places
        },
        { what: `magnitudes above 2, ${kind} ${l}`, error: Math.abs(counted - above), most: near },
      ];
    });
  });
}

/**
 * nll, KL and top-1 of the full model and of two plans. −ln p and KL move by at most twice what the logits move by, and
 * those by the relative error of the normed state. The most probable tokens are the same in float32; in less, near ones change places.
 */
export async function scoreDeviations(
  engine: Engine,
  { model, blocks, expected: { meta, tensors } }: Opened,
): Promise<Deviation[]> {
  const plans = Object.values(meta.cases);
  const segments = segmentsOf(blocks);
  const full = await reference({ model, engine, segments });
  const scores = await score({ model, engine, segments, plans, reference: full });
  full.free();
  const predicted = blocks.samples * (blocks.length - 1);
  const most = 2 * tolerance(engine, model.spec) * largest(tensors.get("logits")!.data) /
    Math.sqrt(predicted);
  return scores.flatMap((samples, i) => {
    const total = (key: keyof typeof samples[number]) => samples.reduce((sum, s) => sum + s[key], 0);
    const off = (key: "top1" | "tokens", expected: number) => Math.abs(total(key) - expected);
    return [
      { what: `case ${i}, tokens`, error: off("tokens", predicted), most: 0 },
      ...engine.precision === "float32"
        ? [{ what: `case ${i}, top-1`, error: off("top1", Math.round(plans[i].top1 * predicted)), most: 0 }]
        : [],
      ...(["nll", "kl"] as const).map((key) => ({
        what: `case ${i}, ${key}`,
        error: Math.abs(total(key) / predicted - plans[i][key]),
        most,
      })),
    ];
  });
}

/** The first position of a text of `length` tokens where a step rotates as one pass over the text does. */
export function firstSteady({ layers }: ModelSpec, length: number): number {
  const rope = layers.map(({ attention }) => scoring(attention)).find((attention) => attention?.rope)?.rope;
  if (!rope) return 0;
  const wanted = rotationRegime(rope, length);
  return Array.from({ length }, (_, t) => rotationRegime(rope, t + 1)).findIndex((regime) =>
    regime === wanted
  );
}

/** A prompt and steps: logits of the first text, token by token, where they are those of one pass. */
export async function stepDeviations(
  engine: Engine,
  { model, blocks, expected }: Opened,
): Promise<Deviation[]> {
  const { data } = expected.tensors.get("logits")!;
  const { vocabulary } = model.spec;
  const from = Math.max(PROMPT - 1, firstSteady(model.spec, blocks.length));
  const found: Deviation[] = [];
  const rows = await stepLogits({ model, engine }, blocks.ids.subarray(0, blocks.length), PROMPT);
  for (const [i, logits] of rows.entries()) {
    const t = PROMPT - 1 + i;
    if (t < from) continue;
    const theirs = data.subarray(t * vocabulary, (t + 1) * vocabulary) as Float32Array;
    found.push({ what: `logits ${t}`, error: relative(logits, theirs), most: tolerance(engine, model.spec) });
  }
  return found;
}

/** The last streams beside those of the CPU's engine: both are off by a tolerance. */
export async function streamDeviations(
  engine: Engine,
  cpu: Engine,
  { model, blocks }: Omit<Opened, "expected">,
): Promise<Deviation[]> {
  const [[expected], [found]] = await Promise.all(
    [cpu, engine].map((on) => finalStreams(model, blocks, [noDrop], undefined, on)),
  );
  const error = distance(found, expected) / largest(expected);
  return [{ what: "streams beside the CPU's", error, most: 2 * tolerance(engine, model.spec) }];
}

/** Those that are off by more than they may be; what is no number is. */
export function beyond(deviations: readonly Deviation[]): Deviation[] {
  return deviations.filter(({ error, most }) => !(error <= most));
}
