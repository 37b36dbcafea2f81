/** No study leaves anything on the engine: not when it ends, not when it is ended at any of its steps. */
import { curvesOf } from "../../src/study/sweep/curves.ts";
import assert from "node:assert/strict";
import { cpuEngine } from "../../src/engine/mod.ts";
import {
  againstLlmDrop,
  causes,
  evaluate,
  generate,
  generation,
  guides,
  order,
  perplexities,
  profile,
  removals,
  type StudyOptions,
  sweep,
} from "../../src/study/mod.ts";
import type { StudyModel } from "../../src/subject/mod.ts";
import { withTiny } from "./tiny.ts";

const plan = { attention: [1], mlp: [0] };

/** Every study of one model. */
const studies: Record<string, (model: StudyModel, options: StudyOptions) => Promise<unknown>> = {
  profile: (model, options) => profile(model, options),
  perplexities: (model, options) => perplexities(model, [{}, plan], options),
  sweep: async (model, options) =>
    sweep(model, {
      ...options,
      profile: await profile(model, options),
      curves: curvesOf("block", 1),
      steps: [0, 1],
    }),
  removals: async (model, options) =>
    removals(model, await profile(model, options), { ...options, kind: "attention" }),
  order: (model, options) => order(model, { ...options, target: "joint", by: "greedy", upto: 2 }),
  windows: (model, options) => order(model, { ...options, target: "consecutive", by: "angular", upto: 2 }),
  guides: (model, options) => guides(model, options),
  causes: (model, options) => causes(model, { ...options, effectSamples: 1 }),
  against: (model, options) => againstLlmDrop(model, options),
  generate: (model, { engine, signal, onProgress }) =>
    generate(model, "the quick", { engine, signal, onProgress, tokens: 4, plans: [{}, plan] }),
  generation: (model, options) => generation(model, [plan], { ...options, samples: 2, tokens: 4 }),
  evaluate: (model, { engine, signal, onProgress }) =>
    evaluate(model, [plan], { engine, signal, onProgress, tasks: ["openbookqa"], limit: 3, prompts: 1 }),
};

for (const [name, study] of Object.entries(studies)) {
  Deno.test(`${name}: nothing is held when it has ended, or has been ended`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const engine = cpuEngine();
      let steps = 0;
      await study(model, { ...options, engine, onProgress: () => steps++ });
      assert.equal(engine.live, 0);
      assert.ok(steps > 1, `${steps} steps`);
      for (const last of new Set([1, Math.ceil(steps / 3), Math.floor(2 * steps / 3), steps - 1])) {
        const stop = new AbortController();
        let left = last;
        const onProgress = () => {
          if (--left === 0) stop.abort(new Error("that will do"));
        };
        const error = await study(model, { ...options, engine, signal: stop.signal, onProgress })
          .then(() => null, (error) => error);
        // Reports come at most ten times a second: a run that is faster than the first one may end before its later steps.
        if (error !== null || last === 1) {
          assert.match(String(error), /that will do/, `step ${last} of ${steps}`);
        }
        assert.equal(engine.live, 0, `ended at step ${last} of ${steps}`);
      }
      await engine.close();
    }));
}
