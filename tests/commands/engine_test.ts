/** `--engine` and `--precision` as a person uses them, on a machine without a GPU: CUDA's own variable hides one that is there. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readResult } from "../../src/result/mod.ts";
import { kept } from "../study/tiny.ts";
import { isThorough, words } from "../tools.ts";
import { IN_BLOCKS, withBlocks } from "../study/in_blocks.ts";
import { laminaIn, runsIn, withDesk } from "./cli.ts";

/** Commands that run a model, on a folder and a text. */
const studies = (folder: string, text: readonly string[]): string[][] => [
  ...["profile", "perplexity", "sweep", "causes", "order"].map((name) => [name, folder, ...text]),
  ["generate", folder, "--prompt", "the"],
  ["evaluate", folder, "--tasks", "openbookqa", "--limit", "2"],
  ["figures", folder],
  ["start", folder],
];
const training = (folder: string, text: readonly string[]): string[][] => [
  ["checkpoints", folder, ...text],
  words`random-init llama-2-7b --layers 2 --hidden 64`,
];

Deno.test("without a device, --engine cuda is one clear line and exit code 1, whatever the command", () =>
  withDesk(async ({ folder, run, text }) => {
    for (const study of [...studies(folder, text), ...training(folder, text)]) {
      const { code, out, err } = await run(...study, "--engine", "cuda", "--precision", "tf32");
      assert.equal(code, 1, study[0]);
      assert.match(err, /^lamina: Cannot (use|open) .*; run lamina doctor\n$/, study[0]);
      assert.equal(out, "", study[0]);
    }
  }));

Deno.test("a precision of the GPU's is refused on the CPU, which auto is here; the line names it", () =>
  withDesk(async ({ folder, fails, text }) => {
    const line = words`profile ${folder} ${text} --precision tf32`;
    await fails(
      1,
      /^lamina: Cannot run in tf32, which only the engine cuda supports: .*; run lamina doctor\n$/,
      ...line,
    );
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

Deno.test("auto is the CPU here: a result says so, and finds what --engine cpu has kept", () =>
  withDesk(async ({ folder, ok, run, text }) => {
    const json = `${folder}/profile.json`;
    const cpu = await ok("profile", folder, ...text, "--engine", "cpu", "--json", json);
    const { dtype, engine, runtime, device } = (await readResult(json, "profile")).provenance;
    assert.deepEqual([dtype, engine, device], ["float32", "cpu", undefined]);
    assert.match(runtime, /^onnxruntime \d/);
    assert.match(cpu.out, / · float32, cpu$/m);
    const auto = await run("profile", folder, ...text);
    assert.match(auto.err, /reused from an earlier run/);
    assert.equal(auto.out, cpu.out);
    const written = await run("generate", folder, "--prompt", "the", "--tokens", "2", "--json", "-");
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
    const unfolded = (printed: string) => printed.replaceAll(/\s+/g, " ");
    assert.ok(unfolded(first.out).includes(` · float32, webgpu on ${device}`), first.out);
    if (isThorough) { // a price times large products
      const dry = await run("profile", folder, ...text, "--engine", "webgpu", "--dry-run");
      assert.ok(unfolded(dry.out).includes(`modules to run · float32, webgpu on ${device} about `), dry.out);
    }

    await ok("profile", folder, ...text, "--engine", "cpu", "--skip", "4", "--json", cpu);
    const line = words`merge ${gpu} ${cpu}`;
    await fails(1, /they differ in engine, runtime, device, expected shards of one study\n$/, ...line);
    const compared = await run("compare", gpu, cpu);
    const both = `computed in float32, webgpu on ${device} (${runtime}) vs float32, cpu (onnxruntime `;
    assert.ok(unfolded(compared.out).includes(both), compared.out);
    await run("profile", folder, ...text, "--engine", "cpu");
    assert.equal(kept(options.results).length, 3, "the same text on another engine is another result");
  }));

Deno.test("--memory, in a unit or in bytes, changes no digit and finds what was kept without it", () =>
  withDesk(async ({ folder, ok, text, options }) => {
    const profile = async (...more: string[]) => {
      const json = `${folder}/profile.json`;
      await ok("profile", folder, ...text, "--engine", "cpu", "--json", json, ...more);
      return await readResult(json, "profile");
    };
    const usual = await profile();
    for (const size of ["0", "1kB", "2GiB"]) {
      assert.deepEqual(await profile("--memory", size, "--no-cache"), usual);
      assert.deepEqual(await profile("--memory", size), usual);
    }
    assert.equal(kept(options.results).length, 1);
  }));

Deno.test("without blocks, --precision int8 is one line that names option and model, whatever the command; nothing is written", () =>
  withDesk(async ({ folder, options, run, text }) => {
    await Deno.mkdir(options.results);
    const before = kept(folder);
    const profile = ["profile", folder, ...text];
    const more = [[...profile, "--json", join(folder, "profile.json")], [...profile, "--dry-run"]];
    more.push(["shards", "--parts", "2", ...profile], ["speed", folder, "--context", "8"]);
    for (const study of [...studies(folder, text), ...training("data/series/pre-ln", []), ...more]) {
      const { code, out, err } = await run(...study, "--engine", "cpu", "--precision", "int8");
      assert.equal(code, 1, study[0]);
      const expected =
        /^lamina: Cannot run .*: precision is "int8" and its weights are .*, expected matrices in blocks of 4 or 8 bits, .*\n$/m;
      assert.match(err, expected, study[0]);
      assert.equal(out, "", study[0]);
    }
    assert.deepEqual(kept(folder), before);
    const files = readdirSync(options.results, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile()
    );
    assert.deepEqual(files, []); // `figures` makes its folder first
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
