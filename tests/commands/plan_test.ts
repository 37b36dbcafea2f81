/** Sweeps, plans and shards as a person makes them: `lamina sweep`, `profile`, `plan`, `merge` on a tiny model. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { type Opened, withTiny } from "../study/tiny.ts";
import { fails, keptOf, lamina, ok } from "./cli.ts";
import { words } from "../words.ts";

/** A tiny model, and the options that name its text. */
const withModel = (use: (folder: string, text: string[]) => Promise<void>, name?: string) =>
  withTiny(
    ({ folder }: Opened) => use(folder, ["--text", `${folder}/text.txt`, "--length", "16"]),
    name,
  );

Deno.test("a sweep drops at most what there is, of the seeds asked for; a dry run prices every curve", () =>
  withModel(async (folder, text) => {
    const sweep = (...args: string[]) =>
      lamina("sweep", folder, ...text, "--samples", "2", "--calibration-length", "16", ...args);
    const calibrated = ["--calibration-text", `${folder}/text.txt`, "--calibration-samples", "2"];
    const dry = await sweep("--dry-run");
    // The profile's 6 modules, the full model's twice, and those of the plans of six curves, each of its own.
    const [, plans, modules] = dry.out.match(/32 tokens, (\d+) plans, (\d+) modules/)!.map(Number);
    assert.ok(plans > 4 && modules > 18, dry.out);
    assert.deepEqual(keptOf(folder), []);
    const { code, err } = await sweep(...calibrated, "--seed", "5", "--json", `${folder}/sweep.json`);
    assert.equal(code, 0, err);
    const { curves } = await readResult(`${folder}/sweep.json`, "sweep");
    assert.deepEqual(curves.map(({ seed }) => seed), [null, null, null, 5, 6, 7]);
    assert.deepEqual(curves[0].points.map(({ dropped }) => dropped), [0, 1, 2, 3]);
    const over = await sweep("--upto", "4");
    assert.equal(over.code, 1);
    assert.match(over.err, /Cannot sweep attention of \w+: upto is 4, expected at most 3, /);
  }));

Deno.test("shards merge in any order, and not twice; a plan is not applied to another model", () =>
  withModel(async (folder, text) => {
    const [a, b, whole, plan] = ["a", "b", "whole", "plan"].map((name) => `${folder}/${name}.json`);
    const profile = (file: string, samples: number, skip: number) =>
      lamina("profile", folder, ...text, "--samples", `${samples}`, "--skip", `${skip}`, "--json", file);
    await profile(a, 2, 0);
    await profile(b, 1, 2);
    await profile(whole, 3, 0);
    await ok("merge", b, a, "--json", `${folder}/merged.json`);
    assert.deepEqual(
      await readResult(`${folder}/merged.json`, "profile"),
      await readResult(whole, "profile"),
    );
    const twice = await lamina("merge", a, b, a);
    assert.equal(twice.code, 1);
    assert.ok(twice.err.includes(`Cannot merge ${a} with ${a}: blocks 0 to 1 are in both`), twice.err);

    await ok("plan", whole, "--target", "mlp", "--drop", "1", "--json", plan);
    await ok("perplexity", folder, ...text, "--samples", "2", "--plan", plan);
    await withModel(async (other) => {
      for (const command of [["perplexity"], ["profile"], ["generate", "--prompt", "a"]]) {
        const line = words`${command} ${other} --plan ${plan}`;
        await fails(1, /Cannot apply a plan made from .* to .*: .* name them: MLP \d/, ...line);
      }
    }, "qwen3");
  }));
