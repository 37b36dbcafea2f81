/**
 * The graph of a whole model gives Hugging Face's logits, whole texts and token by token, full and dropped. A logit moves by the
 * relative error of the normed state at most (`stateTolerance`), times the largest logit.
 */
import assert from "node:assert/strict";
import { keptHeadSize, type Model, type ModelSpec, scoring, wholeGraph, wholeName } from "core/models/mod.ts";
import { type Feeds, freeAll, type Program, take, withUploaded } from "core/engine/mod.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { specOf } from "../../quantised.ts";
import { expectNear, withFixture } from "../../model.ts";
import { byTurns, engine, released, runGraph } from "../../support.ts";

function without({ layers, ...spec }: ModelSpec, drop: { attention: number[]; mlp: number[] }): ModelSpec {
  return {
    ...spec,
    layers: layers.map((layer, l) => ({
      ...layer,
      attention: drop.attention.includes(l) ? null : layer.attention,
      mlp: drop.mlp.includes(l) ? null : layer.mlp,
    })),
  };
}

/** All weights of the graph in float32, by its names. */
async function weightsOf({ weights, spec }: Model, names: readonly string[]): Promise<Map<string, Tensor>> {
  const found = new Map<string, Tensor>();
  const add = (name: string, tensor: Tensor) =>
    names.includes(name) && found.set(name, float32([...tensor.shape], Float32Array.from(toFloat32(tensor))));
  for (const l of spec.layers.keys()) {
    const { tensors, release } = await weights.layer(l);
    tensors.forEach((tensor, name) => add(wholeName(name, l), tensor));
    release();
  }
  for (const name of names.filter((name) => /^(embedding|position|final_norm|head)\./.test(name))) {
    add(name, await weights.outer(name));
  }
  return found;
}

const int64 = (shape: number[], values: number[]): Tensor => (
  { dtype: "i64", shape, data: BigInt64Array.from(values, BigInt) }
);
const counted = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

/** The past before the first token of `texts` texts, by the names of the graph's inputs. */
function nothing({ layers: [{ attention }] }: ModelSpec, inputs: readonly string[], texts = 1) {
  const { kvHeads } = scoring(attention)!;
  const none = float32([texts, kvHeads, 0, keptHeadSize(scoring(attention)!)], new Float32Array());
  return inputs.filter((name) => name.startsWith("past")).map((name) => [name, none] as const);
}

/** Runs the graph on one text, once for each list of ends, in steps that end at these positions: logits of all, [T · V]. */
async function logitsOf(
  model: Model,
  spec: ModelSpec,
  ids: Int32Array,
  runs: readonly (readonly number[])[],
) {
  const graph = wholeGraph(spec, ids.length, () => "f32");
  const weights = Object.fromEntries(await weightsOf(model, graph.inputs));
  await using program = released(await engine.compile(graph));
  return await withUploaded(engine, weights, async (held) => {
    const all: number[][] = [];
    for (const ends of runs) all.push(await stepped(program, held, graph.inputs, model.spec, ids, ends));
    return all;
  });
}

/** Logits of one text in steps, each fed what the step before it leaves. */
async function stepped(
  program: Program,
  weights: Feeds,
  inputs: readonly string[],
  spec: ModelSpec,
  ids: Int32Array,
  ends: readonly number[],
): Promise<number[]> {
  let past: Feeds = Object.fromEntries(
    nothing(spec, inputs).map(([name, none]) => [name, engine.upload(none)]),
  );
  const rows: number[] = [];
  let start = 0;
  for (const end of ends) {
    const feeds = {
      input_ids: int64([1, end - start], [...ids.subarray(start, end)]),
      position_ids: int64([1, end - start], counted(start, end)),
      attention_mask: int64([1, end], Array(end).fill(1)),
    };
    const run = (held: Feeds) => program.run({ ...weights, ...past, ...held });
    const { logits, ...present } = await withUploaded(engine, feeds, run);
    freeAll(past);
    past = Object.fromEntries(
      Object.entries(present).map(([name, held]) => [name.replace("present", "past_key_values"), held]),
    );
    assert.deepEqual(logits.shape, [1, end - start, spec.vocabulary]);
    rows.push(...toFloat32(await take(engine, logits)));
    start = end;
  }
  freeAll(past);
  return rows;
}

Deno.test("texts of a batch, padded on the right, do not see each other or what is behind them", () =>
  withFixture("gemma2", async ({ model, blocks: { ids } }) => {
    const { spec } = model;
    const graph = wholeGraph(spec, 20, () => "f32");
    const texts = [[...ids.subarray(0, 20)], [...ids.subarray(30, 37)]];
    const padded = texts.map((text) => [...text, ...Array(20 - text.length).fill(0)]);
    const mask = texts.flatMap(({ length }) => counted(0, 20).map((t) => Number(t < length)));
    const { logits } = await runGraph(graph, {
      ...Object.fromEntries([...await weightsOf(model, graph.inputs), ...nothing(spec, graph.inputs, 2)]),
      input_ids: int64([2, 20], padded.flat()),
      position_ids: int64([2, 20], [...counted(0, 20), ...counted(0, 20)]),
      attention_mask: int64([2, 20], mask),
    });
    for (const [i, text] of texts.entries()) {
      const [alone] = await logitsOf(model, spec, Int32Array.from(text), [[text.length]]);
      const start = i * 20 * spec.vocabulary;
      expectNear(spec, toFloat32(logits).subarray(start, start + alone.length), alone);
    }
  }));

/** Models with layers of linear attention. */
const linear = fixtureNames.filter((name) =>
  specOf(name).layers.some(({ attention }) => attention?.kind === "delta")
);
assert.ok(linear.length > 0);

for (const name of linear) {
  Deno.test(`${name}: linear attention is refused, with its layers`, () =>
    withFixture(name, ({ model: { spec } }) => {
      const why = /^TypeError: Cannot make one graph of \w+: linear attention mixes the tokens in layers \d/;
      assert.throws(() => wholeGraph(spec, 8, () => "f32"), why);
    }));
}

for (const [i, name] of fixtureNames.filter((name) => !linear.includes(name)).entries()) {
  Deno.test(`${name}: from ids to logits as Hugging Face has them, at once and in steps`, () =>
    withFixture(name, async ({ model, blocks: { ids, length }, expected: { tensors, meta } }) => {
      for (const [label, plan] of byTurns(Object.entries(meta.cases), i)) {
        const { data } = tensors.get(label === "full" ? "logits" : `logits.${label}`)!;
        const expected = data.subarray(0, length * model.spec.vocabulary);
        const spec = without(model.spec, { attention: [...plan.attention], mlp: [...plan.mlp] });
        const runs = [[length], [5, ...counted(6, length + 1)]];
        for (const [run, logits] of (await logitsOf(model, spec, ids.subarray(0, length), runs)).entries()) {
          expectNear(model.spec, logits, expected, `${label}, ${runs[run].length} steps`);
        }
      }
    }));
}
