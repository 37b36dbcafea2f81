/** `--engine` and `--precision` as a person uses them, on a machine without a GPU: CUDA's own variable hides one that is there. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readResult } from "features/by_name.ts";
import { kept } from "../study/tiny.ts";
import { isThorough, words } from "../../tools.ts";
import { IN_BLOCKS, withBlocks } from "../study/in_blocks.ts";
import { expectFailures, laminaIn, runsIn, withDesk } from "./cli.ts";

/** Commands that run a model, on a folder and a text; what is read otherwise stands behind them. */
const studies = (folder: string, text: readonly string[]): string[][] => [
  ...["profile", "perplexity", "sweep", "causes", "order"].map((name) => [name, folder, ...text]),
  ["generate", folder, "--prompt", "the"],
  words`evaluate ${folder} --tasks openbookqa --limit 2`,
  ["figures", folder],
  ["start", folder],
  words`random-init llama-2-7b --layers 2 --hidden 64`,
];

Deno.test("an engine that is not here, or has not the precision, is one clear line whatever the command", () =>
  withDesk(async ({ folder, options, run, text }) => {
    await Deno.mkdir(options.results);
    const [before, cuda] = [kept(folder), ["--engine", "cuda", "--precision", "tf32"]];
    const profile = ["profile", folder, ...text];
    const lines = [...studies(folder, text), ["checkpoints", "data/series/pre-ln"]];
    const more = [[...profile, "--json", join(folder, "profile.json")], [...profile, "--dry-run"]];
    more.push(["shards", "--parts", "2", ...profile], ["speed", folder, "--context", "8"]);
    const tf32 =
      /^lamina: Cannot run in tf32, which only the engine cuda supports: (?!Cannot use)(?:(?!doctor).)*; run lamina doctor\n$/;
    const blocks =
      /^lamina: Cannot run .*: precision is "int8" and its weights are .*, expected matrices in blocks of 4 or 8 bits, .*\n$/m;
    await expectFailures(run, [[1, [...profile, "--precision", "tf32"], tf32]]);
    const unopened = /^lamina: Cannot (use|open) .*; run lamina doctor\n$/;
    for (const line of lines) await expectFailures(run, [[1, [...line, ...cuda], unopened]]);
    for (const line of [...lines, ...more]) {
      await expectFailures(run, [[1, [...line, "--engine", "cpu", "--precision", "int8"], blocks]]);
    }
    assert.deepEqual(kept(folder), before);
    const files = readdirSync(options.results, { recursive: true, withFileTypes: true });
    assert.deepEqual(files.filter((entry) => entry.isFile()), []); // `figures` makes its folder first
  }));

Deno.test("more threads than any machine has are refused before the library runs out of memory for them", () =>
  withDesk(async ({ folder, text }) => {
    const profile = (threads: string) =>
      laminaIn({ OMP_NUM_THREADS: threads }, "profile", folder, ...text, "--no-cache");
    const { code, out, err } = await profile("1000000000");
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /^lamina: .*OMP_NUM_THREADS is 1000000000, expected at most 1024.*\n$/);
    const nested = await profile("2,1"); // as OpenMP has it: the outer loop's, then those inside
    assert.equal(nested.code, 0, nested.err);
  }));

Deno.test("auto is the CPU here: a result says so, and finds what --engine cpu has kept, whatever the memory", () =>
  withDesk(async ({ folder, ok, text }) => {
    const json = `${folder}/profile.json`;
    const cpu = await ok("profile", folder, ...text, "--engine", "cpu", "--json", json);
    const { dtype, engine, runtime, device } = (await readResult(json, "profile")).provenance;
    assert.deepEqual([dtype, engine, device], ["float32", "cpu", undefined]);
    assert.match(runtime, /^onnxruntime \d/);
    assert.match(cpu.out, / · float32, cpu$/m);
    for (const memory of ["0", "1kB", "2GiB"]) {
      const auto = await ok("profile", folder, ...text, "--memory", memory);
      assert.match(auto.err, /reused from an earlier run/);
      assert.equal(auto.out, cpu.out);
    }
    const written = await ok("generate", folder, "--prompt", "the", "--tokens", "2", "--json", "-");
    assert.deepEqual(JSON.parse(written.out).computed, { dtype, engine, runtime });
  }));

Deno.test("on WebGPU a result names its device, is kept by itself, and is not merged with the CPU's; without one, a clear line", () =>
  withDesk(async ({ folder, options, ok, fails, run, text }) => {
    const [cpu, gpu] = [`${folder}/cpu.json`, `${folder}/gpu.json`];
    const first = await run("profile", folder, ...text, "--engine", "webgpu", "--json", gpu);
    if (first.code !== 0) {
      return assert.match(first.err, /^lamina: Cannot use WebGPU: .*; run lamina doctor\n$/);
    }
    const { engine, device, runtime, dtype } = (await readResult(gpu, "profile")).provenance;
    assert.deepEqual([engine, dtype], ["webgpu", "float32"]);
    assert.match(`${device}, ${runtime}`, /^\S.*, onnxruntime-web \d/);
    const shows = (printed: string, what: string) =>
      assert.ok(printed.replaceAll(/\s+/g, " ").includes(what), printed);
    shows(first.out, ` · float32, webgpu on ${device}`);
    if (isThorough) { // a price times large products
      const dry = await run("profile", folder, ...text, "--engine", "webgpu", "--dry-run");
      shows(dry.out, `modules to run · float32, webgpu on ${device} about `);
    }
    await ok("profile", folder, ...text, "--engine", "cpu", "--skip", "4", "--json", cpu);
    await fails(
      1,
      /they differ in engine, runtime, device, expected shards of one study\n$/,
      "merge",
      gpu,
      cpu,
    );
    shows(
      (await run("compare", gpu, cpu)).out,
      `computed in float32, webgpu on ${device} (${runtime}) vs float32, cpu (onnxruntime `,
    );
    await run("profile", folder, ...text, "--engine", "cpu");
    assert.equal(kept(options.results).length, 3, "the same text on another engine is another result");
  }));

Deno.test("in blocks, other engines refuse int8 and say what they have; auto is the CPU; shards in float32 are not int8's", () =>
  withBlocks(async ({ folder, options }) => {
    const { run, ok } = runsIn(options.results);
    const profile = words`profile ${join(folder, IN_BLOCKS)} --text ${options.text!} --samples 6 --length 16`;
    const int8 = [...profile, "--precision", "int8"];
    const refused = (engine: string, has: string) =>
      RegExp(`^lamina: Cannot use the engine ${engine}: precision is "int8", expected ${has}\n$`);
    await expectFailures(run, [
      [1, [...int8, "--engine", "webgpu"], refused("webgpu", "float32")],
      [1, [...int8, "--engine", "cuda"], refused("cuda", "float32, tf32, bfloat16")],
    ]);
    assert.match((await ok(...int8)).out, / · int8, cpu$/m);
    const whole = (await ok(...int8, "--json", "-")).out;
    const results = ["--results", join(folder, "shards")];
    for (const precision of ["float32", "int8"]) {
      const path = join(folder, `${precision}.json`);
      const line = words`shards --parts 2 ${profile} --engine cpu --precision ${precision}`;
      await Deno.writeTextFile(path, (await ok(...line)).out);
      const { shards } = JSON.parse(await Deno.readTextFile(path));
      const missing = await run("merge", path, ...results, "--missing");
      assert.notEqual(missing.out.trim(), "", "nothing of the other precision is taken");
      for (const { index } of shards) await ok("shard", path, "--index", `${index}`, ...results);
      assert.equal((await ok("merge", path, ...results)).out === whole, precision === "int8");
    }
  }));
