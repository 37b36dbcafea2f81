/** `--engine` and `--precision` as a person uses them, on a machine without a GPU: CUDA's own variable hides one that is there. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { kept } from "../study/tiny.ts";
import { lamina, laminaIn, withDesk } from "./cli.ts";
import { words } from "../words.ts";

/** The commands that run a model, each with what it needs on a folder and a text. */
const studies = (folder: string, text: readonly string[]): string[][] => [
  ["profile", folder, ...text],
  ["perplexity", folder, ...text],
  ["sweep", folder, ...text],
  ["causes", folder, ...text],
  ["generate", folder, "--prompt", "the"],
  ["checkpoints", folder, ...text],
  ["random-init", "llama-2-7b", "--layers", "2", "--hidden", "64"],
  ["figures", folder],
  ["start", folder],
  ["evaluate", folder],
];

Deno.test("without a device, --engine cuda is one clear line and exit code 1, whatever the command", () =>
  withDesk(async ({ folder, run, text }) => {
    for (const study of studies(folder, text)) {
      const { code, out, err } = await run(...study, "--engine", "cuda", "--precision", "tf32");
      assert.equal(code, 1, study[0]);
      assert.match(err, /^lamina: Cannot (use|open) .*; run lamina doctor\n$/, study[0]);
      assert.equal(out, "", study[0]);
    }
  }));

Deno.test("a precision of the GPU's is refused on the CPU, which auto is here; the line names it", () =>
  withDesk(async ({ folder, fails, run, text }) => {
    const cpu = await run("profile", folder, ...text, "--engine", "cpu", "--precision", "bfloat16");
    assert.deepEqual([cpu.code, cpu.err], [
      1,
      'lamina: Cannot use the engine cpu: precision is "bfloat16", expected float32, int8\n',
    ]);
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
    const dry = await run("profile", folder, ...text, "--engine", "webgpu", "--dry-run");
    assert.ok(unfolded(dry.out).includes(`modules to run · float32, webgpu on ${device} about `), dry.out);

    await ok("profile", folder, ...text, "--engine", "cpu", "--skip", "4", "--json", cpu);
    const line = words`merge ${gpu} ${cpu}`;
    await fails(1, /they differ in engine, runtime, device, expected shards of one study\n$/, ...line);
    const compared = await run("compare", gpu, cpu);
    const both = `computed in float32, webgpu on ${device} (${runtime}) vs float32, cpu (onnxruntime `;
    assert.ok(unfolded(compared.out).includes(both), compared.out);
    await run("profile", folder, ...text, "--engine", "cpu");
    assert.equal(kept(options.results).length, 3, "the same text on another engine is another result");
  }));

Deno.test("the help of every command that runs a model names engines, precisions and memory", async () => {
  for (const [name] of studies("m", [])) {
    const { out } = await lamina(name, "--help");
    const words = out.replaceAll(/\s+/g, " ");
    assert.match(words, /--engine <name> [^-]*one of: auto, cpu, webgpu, cuda; default: auto\)/, name);
    assert.match(
      words,
      /--precision <name> [^-]*one of: float32, tf32, bfloat16, int8; default: float32\)/,
      name,
    );
    assert.match(words, /--memory <size> memory for weights, for example 8GB; /, name);
  }
});

Deno.test("--memory is a size with a unit or in bytes, changes no digit and finds what was kept without it", () =>
  withDesk(async ({ folder, ok, run, text, options }) => {
    for (const size of ["8XB", "-1", "much", ""]) {
      const { code, out, err } = await run("profile", folder, ...text, "--memory", size);
      assert.deepEqual([code, out], [2, ""]);
      assert.match(
        err,
        /'--memory <size>' argument .* expected a size such as 8GB, 512MiB or a whole number of bytes/,
      );
    }
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
