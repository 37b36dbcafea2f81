/** Every study: it leaves nothing on the engine wherever it ends, and is one count from nothing to all. */
import assert from "node:assert/strict";
import { curvesOf } from "../../src/study/sweep/curves.ts";
import { cpuEngine } from "../../src/engine/mod.ts";
import {
  causes,
  checkpoints,
  depth,
  evaluate,
  generate,
  guides,
  order,
  perplexities,
  profile,
  randomInit,
  type StudyOptions,
  sweep,
} from "../../src/study/mod.ts";
import { openConfig, openSeries, type StudyModel } from "../../src/subject/mod.ts";
import type { Progress } from "../../src/entry/mod.ts";
import { byTurns } from "../support.ts";
import { withTiny } from "./tiny.ts";

const plan = { attention: [1], mlp: [0] };

/** Every study of one model, by the beginning of its label. */
const studies: Record<string, (model: StudyModel, options: StudyOptions) => Promise<unknown>> = {
  "profile of": (model, options) => profile(model, options),
  "perplexity of": (model, options) => perplexities(model, [{}, plan], options),
  "sweep of": async (model, options) =>
    sweep(model, {
      ...options,
      profile: await profile(model, { ...options, onProgress: undefined }),
      curves: curvesOf("block", 1),
      steps: [0, 1],
    }),
  "joint of": (model, options) => order(model, { ...options, target: "joint", by: "greedy", upto: 2 }),
  "consecutive of": (model, options) =>
    order(model, { ...options, target: "consecutive", by: "angular", upto: 2 }),
  "depth of": (model, options) => depth(model, options),
  "guides to": (model, options) => guides(model, options),
  "causes in": (model, options) => causes(model, { ...options, effectSamples: 1 }),
  "text of": (model, { engine, signal, onProgress }) =>
    generate(model, [{}, plan], "the quick", { engine, signal, onProgress, tokens: 4 }),
  "evaluation of": (model, { engine, signal, onProgress }) =>
    evaluate(model, [plan], { engine, signal, onProgress, tasks: ["openbookqa"], limit: 3, prompts: 1 }),
};

for (const [turn, [name, study]] of Object.entries(studies).entries()) {
  Deno.test(`${name}: nothing is held when it has ended, or has been ended`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const engine = cpuEngine();
      let steps = 0;
      await study(model, { ...options, engine, onProgress: () => steps++ });
      assert.equal(engine.live, 0);
      assert.ok(steps > 1, `${steps} steps`);
      const later = [Math.ceil(steps / 3), Math.floor(2 * steps / 3), steps - 1];
      for (const last of new Set([1, ...byTurns(later, turn)])) {
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

/** A study's reports, each of the whole, which never goes back. */
async function reportsOf(run: (onProgress: NonNullable<StudyOptions["onProgress"]>) => Promise<unknown>) {
  const reports: Progress[] = [];
  await run((report) => void reports.push(report));
  for (const { total, done } of reports) {
    assert.equal(total, 1);
    assert.ok(done >= 0 && done <= 1);
  }
  const shares = reports.map(({ done }) => done);
  assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
  return reports;
}

Deno.test("every study reports one count that ends with all", () =>
  withTiny(async ({ model, options, folder }) => {
    const { results: _, ...fresh } = options;
    const named = await openConfig(`${folder}/config.json`);
    const series = await openSeries("data/series/pre-ln", { steps: [0, 512] });
    const { "text of": _written, "evaluation of": _scored, ...measured } = studies; // which count tokens and documents
    const all: typeof studies = {
      ...measured,
      "random ": (_, { onProgress }) => randomInit(named, { onProgress, samples: 1, length: 16, seeds: 3 }),
      "pre-ln": (_, own) => checkpoints(series, { ...own, samples: 1, quality: options.text! }),
    };
    for (const [label, study] of Object.entries(all)) {
      const reports = await reportsOf((onProgress) => study(model, { ...fresh, onProgress }));
      assert.ok(reports.length > 0, label);
      assert.ok(reports.every((report) => report.label.startsWith(label)), `${label}: ${reports[0].label}`);
      assert.equal(reports.at(-1)!.done, 1, label);
    }
  }));

Deno.test("an interrupted sweep's count begins with what is kept", () =>
  withTiny(async ({ model, options }) => {
    const importance = await profile(model, options);
    const curves = (["attention", "mlp"] as const).map((
      target,
    ) => ({ target, by: "importance", seed: null } as const));
    await sweep(model, { ...options, profile: importance, curves: curves.slice(0, 1), steps: [0, 1, 2] });
    const run = () =>
      reportsOf((onProgress) =>
        sweep(model, { ...options, onProgress, profile: importance, curves, steps: [0, 1, 2] })
      );
    const reports = await run();
    const rest = reports.filter(({ label }) => label.endsWith("curve 2 of 2"));
    assert.ok(rest.length > 0);
    // The full model and the first curve, of these, the second curve and the full model beside it, which it is held against.
    for (const { found } of rest) assert.ok(found! > 1 / 3 && found! < 2 / 3, `${found}`);
    assert.equal(reports.at(-1)!.done, 1);
    assert.deepEqual(await run(), [], "nothing is left to do");
  }));
