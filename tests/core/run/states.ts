/** The streams that leave the last layer, by plan; logits step by step, and their loss. */
import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import type { Change } from "core/measure/mod.ts";
import { layerTensors, type Model, scoring } from "core/models/mod.ts";
import { type Blocks, type DropPlan, forward, keepTensors, type Segment, segmentsOf } from "core/run/mod.ts";
import { decoder, type DecoderOptions } from "core/run/decode/mod.ts";
import { float32, toFloat32 } from "core/tensor/mod.ts";
import { type Expected, parse } from "../../fixtures/read.ts";
import { largest, stateTolerance, withFixture } from "../../model.ts";
import { engine, released } from "../../support.ts";

/** The final stream [T · D] of each segment, by plan. */
export async function segmentStreams(
  model: Model,
  segments: readonly Segment[],
  plans: readonly DropPlan[],
  budget?: number,
  on: Engine = engine,
): Promise<Float32Array[][]> {
  const streams = plans.map((): Float32Array[] => []);
  await forward({
    model,
    engine: on,
    segments,
    plans,
    budget,
    async finish(states, batches) {
      for (const state of states) {
        for (const [b, { first, count }] of batches.entries()) {
          const data = (await on.read(state.batches[b])).data as Float32Array;
          const size = data.length / count;
          for (let i = 0; i < count; i++) {
            for (const plan of state.plans) streams[plan][first + i] = data.slice(i * size, (i + 1) * size);
          }
        }
      }
    },
  });
  return streams;
}

/** Final stream of each plan, all samples in a row [N · T · D]. */
export async function finalStreams(
  model: Model,
  blocks: Blocks,
  plans: readonly DropPlan[],
  budget?: number,
  on: Engine = engine,
): Promise<Float32Array[]> {
  const streams = await segmentStreams(model, segmentsOf(blocks), plans, budget, on);
  return streams.map((texts) => Float32Array.from(texts.flatMap((text) => [...text])));
}

/** Logits of each token of a text from `prompt` − 1 on, the prompt's read at once. */
export async function stepLogits(
  options: Omit<DecoderOptions, "engine"> & { readonly engine?: Engine },
  ids: Int32Array,
  prompt: number,
): Promise<Float32Array[]> {
  await using opened = released(await decoder({ engine, ...options }));
  const rows = [(await opened.prefill([ids.subarray(0, prompt)])).slice()];
  for (const id of ids.subarray(prompt)) rows.push((await opened.step([id])).slice());
  return rows;
}

/** Nats of the tokens [T] after the first, from the logits [T, V] of all. */
export function nllOf(ids: Int32Array, logits: Float32Array): number {
  const words = logits.length / ids.length;
  let sum = 0;
  for (let t = 0; t + 1 < ids.length; t++) {
    const row = logits.subarray(t * words, (t + 1) * words);
    const most = row.reduce((a, b) => Math.max(a, b));
    sum += Math.log(row.reduce((total, z) => total + Math.exp(z - most), 0)) + most - row[ids[t + 1]];
  }
  return sum;
}

/** What each token of a segment comes after, itself the last. */
export function pathTo(segments: readonly Segment[], index: number, token: number): number[] {
  const { ids, past, parents } = segments[index];
  const own: number[] = [];
  for (let at = token; at >= 0; at = parents ? parents[at] : at - 1) own.unshift(ids[at]);
  return past === null ? own : [...pathTo(segments, past, segments[past].ids.length - 1), ...own];
}

/** A model of a fixture, and what PyTorch made of a text under plans with changes. */
export interface Cases {
  readonly model: Model;
  readonly ids: Int32Array;
  readonly tensors: ReadonlyMap<string, Expected>;
  readonly plans: Readonly<Record<string, DropPlan>>;
}

/** Opens a fixture with the tensors of a folder, and the plan of each case. */
export async function withCases(
  folder: URL,
  name: string,
  cases: readonly string[],
  planFor: (model: Model, tensors: Cases["tensors"], key: string) => Promise<DropPlan>,
  use: (opened: Cases) => Promise<void> | void,
): Promise<void> {
  const tensors = parse(await Deno.readFile(new URL(`${name}.safetensors`, folder)));
  await withFixture(name, async ({ model }) => {
    const own = await Promise.all(cases.map((key) => planFor(model, tensors, key)));
    const plans = Object.fromEntries(cases.map((key, i) => [key, own[i]]));
    return use({ model, ids: tensors.get("ids")!.data as Int32Array, tensors, plans });
  });
}

/** Fails unless the losses of plans are those of PyTorch's logits for them, `logits.PLAN`. */
export function expectLosses(
  { spec }: Model,
  ids: Int32Array,
  tensors: Cases["tensors"],
  scores: readonly (readonly { nll: number }[])[],
  plans: object,
) {
  for (const [i, key] of Object.keys(plans).entries()) {
    const logits = tensors.get(`logits.${key}`)!.data as Float32Array;
    const expected = nllOf(ids, logits);
    const most = 2 * stateTolerance(spec) * largest(logits) * Math.sqrt(ids.length);
    const error = Math.abs(scores[1 + i][0].nll - expected);
    assert.ok(error <= most, `${key}: ${scores[1 + i][0].nll}, expected ${expected} ± ${most}`);
  }
}

/** Attention's output projection with zeros for some heads, as another projection of a plan. */
export async function silenced(
  { spec, weights }: Model,
  layer: number,
  heads: readonly number[],
): Promise<Change> {
  const own = layerTensors({ attention: spec.layers[layer].attention }, spec.hidden)
    .filter(([name]) => name.startsWith("attention.o_proj."));
  const { tensors, release } = await weights.part(layer, new Map(own.map(([name]) => [name, null])));
  const { heads: all } = scoring(spec.layers[layer].attention)!;
  const made = own.map(([name, [rows, columns]]) => {
    const isOff = (i: number) => columns && heads.includes(Math.floor((i % columns) * all / columns));
    const data = Float32Array.from(toFloat32(tensors.get(name)!), (value, i) => isOff(i) ? 0 : value);
    return [name.slice("attention.".length), float32(columns ? [rows, columns] : [rows], data)] as const;
  });
  release();
  return { layer, module: "attention", to: "weights", tensors: keepTensors(new Map(made)) };
}
