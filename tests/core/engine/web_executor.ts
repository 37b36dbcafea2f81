/**
 * The whole executor on the engine `webgpu`, over every family, against the CPU (web_test.ts).
 *
 * Both engines' states are off by `stateTolerance` at most (relative to the largest element): between them, by twice that.
 */
import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import type { MlpSpec, Model } from "core/models/mod.ts";
import { Mul } from "core/onnx/mod.ts";
import {
  type Blocks,
  embeddingSmoothing,
  forward,
  noDrop,
  type Probe,
  reference,
  score,
  segmentsOf,
} from "core/run/mod.ts";
import type { DecoderOptions } from "core/run/decode/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { expectNumbers, KINDS, observed } from "../run/probe_table.ts";
import { finalStreams, segmentStreams, stepLogits } from "../run/states.ts";
import { distance, engineWith, largest, stateTolerance, withFixture } from "../../model.ts";
import { engine as cpu, isRelease, isThorough, randomBlocks, thorough } from "../../support.ts";
import { words } from "../../tools.ts";

/** Tokens: within one tile of a product, over several, over several chunks of linear attention; `test` has one beyond both. */
const LENGTHS = [7, 33, 130, 300];
const plans = [noDrop, { attention: [1], mlp: [0] }, { attention: [0], mlp: [] }];

/** Fixtures whose jobs differ in more than a table that is fed. */
const different = words`cohere2 deepseek-v3 gemma2 gpt2 mixtral neox-parallel qwen2-window qwen3 qwen3-5`;

/** One fixture for each kind of graph: each kind of module and of norm placement, and learned positions. */
const GRAPHS = [...Object.keys(KINDS), "gpt2"];
const EVERYDAY = ["gemma2", "deepseek-v3", "qwen3-5"];
/** Probes on features that no kind of module has: run/probes_test.ts has every probe on each kind. */
const PROBED = ["gram", "norms", "smoothing", "effects"];
/** Jobs of the tests that every change must pass. */
const JOBS = ["gemma2"];

export function testExecutor(engine: Engine): void {
  for (const name of fixtureNames) {
    const test = EVERYDAY.includes(name) ? Deno.test : thorough;
    test(`webgpu, ${name}: the streams of ${plans.length} plans are the CPU's`, () =>
      withFixture(name, async ({ model }) => {
        const before = engine.live;
        const lengths = isThorough && GRAPHS.includes(name) || isRelease ? LENGTHS : [130];
        for (const length of lengths.filter((length) => length <= (model.spec.positions ?? length))) {
          await expectStreams(model, randomBlocks(2, length, model.spec.vocabulary), engine);
        }
        assert.equal(engine.live, before);
      }));
  }

  for (const name of different) {
    const test = JOBS.includes(name) ? Deno.test : thorough;
    const what = name in KINDS ? "" : "probes, ";
    test(`webgpu, ${name}: ${what}scores and decoding give the CPU's numbers`, () =>
      withFixture(name, async ({ model, blocks, expected }) => {
        if (!(name in KINDS)) {
          const [wanted, seen] = await Promise.all(
            [cpu, engine].map((on) => observed(PROBED, { model, engine: on, blocks })),
          );
          PROBED.forEach((probe, i) => {
            assert.ok(expectNumbers(probe, seen[i], wanted[i], 4 * stateTolerance(model.spec)) > 0);
          });
        }
        const [expects, finds] = [cpu, engine].map((on) => jobs(model, on, blocks));
        for (const [job, find] of Object.entries(finds)) {
          if (job === "shared" && model.spec.layers.some(({ attention }) => attention?.kind === "delta")) {
            continue;
          }
          const before = engine.live;
          const found = await find();
          assert.equal(engine.live, before, `${job} leaves tensors`);
          const most = 4 * stateTolerance(model.spec) *
            (job === "score" ? largest(expected.tensors.get("logits")!.data) : 1);
          assert.ok(expectNumbers(job, found, await expects[job](), most) > 0);
        }
      }));
  }

  for (const [name, test] of [["llama", Deno.test], ["gemma2", thorough]] as const) {
    test(`webgpu, ${name}: weights beyond a binding are fed in parts`, () =>
      withFixture(name, async ({ model, blocks }) => {
        const { layers: [{ mlp }], hidden } = model.spec;
        const bindingBytes = (mlp as MlpSpec).size * hidden * 4 / 3; // a third of a matrix
        await expectStreams(model, blocks, engineWith({ bindingBytes }, engine));
      }));
  }

  Deno.test("webgpu: nothing is held after an abort or an error", () =>
    withFixture("llama", async ({ model, blocks }) => {
      const before = engine.live;
      const abort = new AbortController();
      const reason = new Error("enough");
      const options = { model, engine, segments: segmentsOf(blocks), plans: [noDrop] };
      const onProgress = () => abort.abort(reason);
      await assert.rejects(
        forward({ ...options, signal: abort.signal, onProgress }),
        (error) => error === reason,
      );
      assert.equal(engine.live, before);
      const probe: Probe = {
        update: ({ y }) => ({ seen: Mul(y, y) }),
        observeUpdate() {
          throw reason;
        },
      };
      await assert.rejects(forward({ ...options, probes: [probe] }), (error) => error === reason);
      assert.equal(engine.live, before);
    }));
}

async function expectStreams(model: Model, blocks: Blocks, on: Engine): Promise<void> {
  const expected = await finalStreams(model, blocks, plans);
  const actual = await finalStreams(model, blocks, plans, undefined, on);
  for (const [i, stream] of expected.entries()) {
    const error = distance(actual[i], stream) / largest(stream);
    const most = 2 * stateTolerance(model.spec);
    assert.ok(error <= most, `${blocks.length} tokens, plan ${i}: relative error ${error}, at most ${most}`);
  }
}

/** What a study of a model may run beside probes, and the numbers it gives. */
function jobs(model: Model, engine: Engine, blocks: Blocks): Record<string, () => Promise<unknown>> {
  const segments = segmentsOf(blocks);
  // A prompt and steps after it, past the tiny models' windows.
  const text = blocks.ids.subarray(0, isThorough ? 20 : 15);
  const decode = async (options: Partial<DecoderOptions> = {}) => (
    { logits: await stepLogits({ model, engine, ...options }, text, 12) }
  );
  return {
    embedding: () => embeddingSmoothing(model, engine, blocks),
    async score() {
      const full = await reference({ model, engine, segments });
      try {
        return await score({ model, engine, segments, plans: plans.slice(0, 2), reference: full });
      } finally {
        full.free();
      }
    },
    shared: () => sharedStreams(model, engine, blocks),
    ...isThorough ? { decode: () => decode() } : {}, // with all weights at hand: run/windows_test.ts and web_blocks.ts too
    decodeDropped: () => decode({ plan: plans[1], budget: 0 }),
  };
}

/** The streams of a text, its continuation, and a tree after both. */
async function sharedStreams(model: Model, engine: Engine, { ids }: Blocks) {
  const segments = [
    { ids: ids.subarray(0, 9), past: null },
    { ids: ids.subarray(9, 14), past: 0 },
    { ids: ids.subarray(14, 21), past: 1, parents: Int32Array.of(-1, 0, 0, 2, 1, 4, -1) },
  ];
  return { streams: await segmentStreams(model, segments, plans.slice(0, 2), undefined, engine) };
}
