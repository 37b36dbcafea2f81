/** The graphs that a run compiles, with what the run adds to those of `models`: probes, the head, a decoder. */
import assert from "node:assert/strict";
import type { Engine } from "../../src/engine/mod.ts";
import {
  decoder,
  embeddingSmoothing,
  gramProbe,
  llmDropProbe,
  noDrop,
  normsProbe,
  reference,
  score,
  segmentsOf,
  smoothingProbe,
} from "../../src/run/mod.ts";
import { everywhere, protoOf } from "../onnx/read.ts";
import { engine, withFixture } from "../support.ts";

/** What only the CPU's lowering of attention needs (models/lowering_test.ts checks the others). */
const lowered = ["GroupQueryAttention"];

Deno.test("runs, probes, the head and a decoder use what every engine has", () =>
  withFixture("gemma2", async ({ model, blocks }) => {
    const used = new Set<string>();
    const recording: Engine = {
      ...engine,
      compile(graph, constants) {
        for (const { opType } of protoOf(graph).node) used.add(opType!);
        return engine.compile(graph, constants);
      },
    };
    const { layers } = model.spec;
    const plans = [noDrop, { attention: [1], mlp: [] }];
    const full = await reference({ model, engine: recording, segments: segmentsOf(blocks) });
    const probes = [
      gramProbe(layers),
      smoothingProbe(layers, blocks.length, plans.length),
      normsProbe(layers.length),
      llmDropProbe(layers),
    ];
    await score({ model, engine: recording, segments: segmentsOf(blocks), plans, reference: full, probes });
    full.free();
    await embeddingSmoothing(model, recording, blocks);
    const opened = await decoder({ model, engine: recording });
    await opened.prefill([blocks.ids.subarray(0, 4)]);
    await opened.step([blocks.ids[4]]);
    await opened.release();
    assert.deepEqual([...used.difference(everywhere.union(new Set(lowered)))], []);
    for (
      const operator of ["ArgMax", "LpNormalization", "ReduceSumSquare", "GroupQueryAttention", "Softmax"]
    ) {
      assert.ok(used.has(operator), operator);
    }
  }));
