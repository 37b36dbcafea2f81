/** A study is one count from nothing to all, whatever it consists of, and goes on from what is kept. */
import { curvesOf } from "../../src/study/sweep/curves.ts";
import type { Progress } from "../../src/entry/mod.ts";
import assert from "node:assert/strict";
import {
  causes,
  checkpoints,
  generation,
  guides,
  order,
  perplexities,
  profile,
  randomInit,
  type StudyOptions,
  sweep,
} from "../../src/study/mod.ts";
import { openConfig, openSeries } from "../../src/subject/mod.ts";
import { withTiny } from "./tiny.ts";

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
    const importance = await profile(model, fresh);
    const named = await openConfig(`${folder}/config.json`);
    const series = await openSeries("data/series/pre-ln", { steps: [0, 512] });
    const studies: Record<string, (onProgress: NonNullable<StudyOptions["onProgress"]>) => Promise<unknown>> =
      {
        "profile of": (onProgress) => profile(model, { ...fresh, onProgress }),
        "perplexity of": (onProgress) => perplexities(model, [{}, { mlp: [1] }], { ...fresh, onProgress }),
        "sweep of": (onProgress) =>
          sweep(model, {
            ...fresh,
            onProgress,
            profile: importance,
            curves: curvesOf("mlp", 1),
            steps: [0, 1, 2],
          }),
        "attention of": (onProgress) =>
          order(model, { ...fresh, target: "attention", by: "greedy", upto: 2, onProgress }),
        "consecutive of": (onProgress) =>
          order(model, { ...fresh, target: "consecutive", by: "kl", onProgress }),
        "guides to": (onProgress) => guides(model, { ...fresh, heldOut: options.text!, onProgress }),
        "generation of": (onProgress) =>
          generation(model, [{ mlp: [1] }], {
            ...fresh,
            tokens: 4,
            task: "openbookqa",
            limit: 4,
            onProgress,
          }),
        "causes in": (onProgress) => causes(model, { ...fresh, onProgress }),
        "random ": (onProgress) => randomInit(named, { samples: 1, length: 16, seeds: 3, onProgress }),
        "pre-ln": (onProgress) =>
          checkpoints(series, { ...fresh, samples: 1, quality: options.text!, onProgress }),
      };
    for (const [label, run] of Object.entries(studies)) {
      const reports = await reportsOf(run);
      assert.ok(reports.length > 0, label);
      assert.ok(reports.every((report) => report.label.startsWith(label)), reports[0].label);
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
