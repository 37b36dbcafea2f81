/** `--precision int8` as a person uses it: on a model in blocks, and refused for any other and on other engines. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readResult } from "../../src/result/mod.ts";
import { IN_BLOCKS, withBlocks } from "../study/in_blocks.ts";
import { kept } from "../study/tiny.ts";
import { runsIn, withDesk } from "./cli.ts";
import { words } from "../words.ts";

/** What every command that runs a model is given, on a model and a text. */
const studies = (model: string, text: readonly string[]): string[][] => [
  ["profile", model, ...text, "--json", join(model, "profile.json")],
  ["profile", model, ...text, "--dry-run"],
  ["shards", "--parts", "2", "profile", model, ...text],
  ["perplexity", model, ...text],
  ["sweep", model, ...text],
  ["causes", model, ...text],
  ["generate", model, "--prompt", "the"],
  ["speed", model, "--context", "8"],
  ["evaluate", model, "--tasks", "openbookqa", "--limit", "2"],
  ["order", model, ...text],
  ["figures", model],
  ["start", model],
];

Deno.test("without blocks, --precision int8 is one line that names option and model, whatever the command; nothing is written", () =>
  withDesk(async ({ folder, options, run, text }) => {
    await Deno.mkdir(options.results);
    const before = kept(folder);
    for (const study of studies(folder, text)) {
      const { code, out, err } = await run(...study, "--engine", "cpu", "--precision", "int8");
      assert.equal(code, 1, study[0]);
      const expected =
        /^lamina: Cannot run .*: precision is "int8" and its weights are safetensors F32, expected .*\n$/m;
      assert.match(err, expected, study[0]);
      assert.equal(out, "", study[0]);
    }
    assert.deepEqual(kept(folder), before);
    const files = readdirSync(options.results, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile()
    );
    assert.deepEqual(files, []); // `figures` makes its folder first
  }));

Deno.test("drawn weights have no blocks: random-init and a series of checkpoints are refused in int8", () =>
  withDesk(async ({ options, run }) => {
    const [drawn, series] = [words`random-init llama-2-7b --layers 2 --hidden 64`, "data/series/pre-ln"];
    for (const study of [drawn, ["checkpoints", series]]) {
      const { code, out, err } = await run(...study, "--engine", "cpu", "--precision", "int8");
      assert.deepEqual([code, out], [1, ""], study[0]);
      assert.match(
        err,
        /lamina: Cannot run .*: precision is "int8" and its weights are .*, expected matrices in blocks/,
      );
    }
    assert.deepEqual(kept(options.results), []);
  }));

Deno.test("other engines refuse int8 and say what they have; auto is the CPU where there is no other", () =>
  withBlocks(async ({ folder, options }) => {
    const { run, ok } = runsIn(options.results);
    const profile = words`profile ${join(folder, IN_BLOCKS)} --text ${options.text!} --samples 4 --length 16`;
    for (const [engine, has] of [["webgpu", "float32"], ["cuda", "float32, tf32, bfloat16"]]) {
      const { code, out, err } = await run(...profile, "--engine", engine, "--precision", "int8");
      assert.deepEqual([code, out], [1, ""]);
      assert.equal(err, `lamina: Cannot use the engine ${engine}: precision is "int8", expected ${has}\n`);
    }
    const auto = await ok(...profile, "--precision", "int8");
    assert.match(auto.out, / · int8, cpu$/m);
  }));

Deno.test("results in int8 say so, are kept by themselves, and are compared but not merged with those in float32", () =>
  withBlocks(async ({ folder, options }) => {
    const { fails, run, ok } = runsIn(options.results);
    const model = join(folder, IN_BLOCKS);
    const [float32, int8] = [join(folder, "float32.json"), join(folder, "int8.json")];
    const text = ["--text", options.text!, "--samples", "4", "--length", "16", "--engine", "cpu"];
    const profile = (...more: string[]) => ok("profile", model, ...text, ...more);
    await profile("--json", float32);
    const first = await profile("--precision", "int8", "--json", int8);
    assert.doesNotMatch(first.err, /reused/);
    assert.equal((await readResult(int8, "profile")).provenance.dtype, "int8");
    assert.match((await profile("--precision", "int8")).err, /reused from an earlier run/);
    assert.equal(kept(options.results).length, 2);
    await profile("--precision", "int8", "--skip", "4", "--json", int8);
    await fails(1, /they differ in dtype, expected shards of one study\n$/, "merge", float32, int8);
    const compared = await run("compare", float32, int8);
    assert.match(compared.out.replaceAll(/\s+/g, " "), /computed in float32, cpu \(.*\) vs int8, cpu \(/);
  }));

Deno.test("shards in int8 merge to the undivided bytes; float32 shards of the same study are not found", () =>
  withBlocks(async ({ folder, options }) => {
    const runs = runsIn(options.results);
    const run = async (...args: string[]) => (await runs.ok(...args)).out;
    const study = words`profile ${join(folder, IN_BLOCKS)} --text ${options.text!} --samples 6 --length 16
      --engine cpu`;
    const whole = await run(...study, "--precision", "int8", "--json", "-");
    const results = join(folder, "shards");
    for (const precision of ["float32", "int8"]) {
      const path = join(folder, `${precision}.json`);
      await Deno.writeTextFile(path, await run("shards", "--parts", "2", ...study, "--precision", precision));
      const { shards } = JSON.parse(await Deno.readTextFile(path));
      const missing = await runs.run("merge", path, "--results", results, "--missing");
      assert.equal(missing.out.trim().length > 0, true, "nothing of the other precision is taken");
      for (const { index } of shards) await run("shard", path, "--index", `${index}`, "--results", results);
      const merged = await run("merge", path, "--results", results);
      if (precision === "int8") assert.equal(merged, whole);
      else assert.notEqual(merged, whole);
    }
  }));
