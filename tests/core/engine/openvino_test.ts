/**
 * OpenVINO's plug-in on this machine's CPU, which is called one of another maker than Intel: float32, and bfloat16 where the CPU has it. Skipped
 * where `lamina openvino` has not installed it; its options, and what it refuses, need no plug-in.
 */
import assert from "node:assert/strict";
import { cpuEngine, openCpuLibrary } from "core/engine/native/cpu.ts";
import { type Engine, openEngine, openvinoEngine, openvinoOptions, tryPrecision } from "core/engine/mod.ts";
import { pluginEngine } from "core/engine/native/plugin.ts";
import { openvinoLibrary } from "core/libraries/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { fixtureRow } from "../../gpu/fixtures.ts";
import { studiesOn, studyRows } from "../../gpu/studies.ts";
import { unjudged, withTiny } from "../study/tiny.ts";
import { beyond, type Opened, streamDeviations } from "../models/parity.ts";
import { createGraph, type Graph, MatMul } from "core/onnx/mod.ts";
import type { Change } from "core/measure/mod.ts";
import { noDrop, tensorsOf } from "core/run/mod.ts";
import { repair } from "features/repair/mod.ts";
import { finalStreams } from "../run/states.ts";
import { withFixture } from "../../model.ts";
import { engine as cpu, thorough } from "../../support.ts";
import { unchanged, unless } from "../../tools.ts";
import { testEngine } from "./suite.ts";

const numbersIn = (change: Change) =>
  [...tensorsOf(change).values()].flatMap(({ data }) => [...data as Float32Array]);

const file = openvinoLibrary();
const lacks = file === null ? "no OpenVINO: lamina openvino installs it" : null;

/** Execution providers whose devices ONNX Runtime offers now. */
function providers(): string[] {
  const { library, environment } = openCpuLibrary();
  return library.list("GetEpDevices", environment.address).entries.map((device) =>
    library.text("EpDevice_EpName", device)!
  );
}

/** AMD's PCI number. */
const AMD = 0x1022;

/** The CPU's vendor in ONNX Runtime's description of it, which begins with its kind and vendor; `named` is put in its place first. */
function vendorOfCpu(named?: number): number {
  const { library, environment } = openCpuLibrary();
  const [device] = library.list("GetEpDevices", environment.address).entries;
  const hardware = library.plain("EpDevice_Device", device) as Deno.PointerObject;
  if (named) new Uint32Array(Deno.UnsafePointerView.getArrayBuffer(hardware, 8))[1] = named;
  return library.plain("HardwareDevice_VendorId", hardware) as number;
}

/** What is loaded before an engine, with one of two left, and after both: before other tests open engines that stay. */
async function loading() {
  cpuEngine();
  const isMapped = Deno.readTextFileSync("/proc/self/maps").includes("openvino");
  const before = providers();
  const vendor = vendorOfCpu(AMD);
  const engines = [openvinoEngine(), openvinoEngine()];
  const both = providers();
  await engines[0].close();
  await engines[0].close(); // twice is once
  const one = providers();
  await engines[1].close();
  return {
    isMapped,
    before,
    both,
    one,
    after: providers(),
    version: engines[0].version,
    vendors: [vendor, vendorOfCpu()],
  };
}
const loaded = lacks === null ? await loading() : null;

unless(lacks)("a plug-in is loaded by the first engine on it, and unloaded when the last one closes", () => {
  const { isMapped, before, both, one, after, version, vendors } = loaded!;
  assert.deepEqual(vendors, [AMD, AMD], "the CPU keeps its maker");
  assert.deepEqual([isMapped, before, after], [false, ["CPUExecutionProvider"], ["CPUExecutionProvider"]]);
  assert.ok(both.includes("OpenVINOExecutionProvider"));
  assert.deepEqual(one, both);
  assert.match(version, /^onnxruntime 1\.30\.0, OpenVINOExecutionProvider 1\.8\.1\S*$/);
});

/** Streams and logits of models are the CPU's. */
async function expectLikeCpu(engine: Engine, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const compare = async (opened: Opened) => beyond(await streamDeviations(engine, cpu, opened));
    assert.deepEqual(await withFixture(name, compare), [], name);
  }
}

if (lacks === null) {
  testEngine(openvinoEngine(), openvinoEngine);
  const engine = openvinoEngine();

  /** One of each kind: attention, windows and norms of its heads, experts, biases, latent keys. */
  const few = ["llama", "gemma3", "olmoe", "gpt2", "deepseek-v3"];
  const linear = fixtureNames.filter((name) => /^qwen3-(5|next)/.test(name));
  const parity = (names: readonly string[]) => async () => {
    for (const name of names) {
      const { value, most, what } = await fixtureRow(engine, name);
      assert.ok(value <= most!, `${what} is off by ${value}, expected at most ${most}`);
    }
  };
  Deno.test(
    "openvino: a family of each kind is Hugging Face's and the CPU's, in passes and steps",
    parity(few),
  );
  unless(unchanged("cuda") || null, thorough)(
    "openvino: so are the others, but for those with linear attention",
    parity(fixtureNames.filter((name) => ![...few, ...linear].includes(name))),
  );

  Deno.test("openvino: studies are the CPU's, their fits too", () =>
    withTiny(async ({ model, options: { text, results: _, ...sizes } }) => {
      const all = { ...sizes, text: text!, samples: 4, length: 16, drops: 2, tokens: 8 };
      const expected = await studiesOn(cpu, model, all);
      const found = await studiesOn(engine, model, all, expected.profile);
      for (const { what, unit, value, most, beside } of studyRows(engine, model, found, expected)) {
        if (unit === "s") continue;
        if (unit === "tokens alike") assert.equal(value, beside, what);
        else assert.ok(value <= (most ?? 1e-4), `${what}: ${value}`);
      }
      for (const by of ["mean", "linear", "refit"] as const) {
        const dropped = by === "refit" ? { mlp: [1] } : { attention: [1], mlp: [2] };
        const on = { ...sizes, ...unjudged, text: text!, by };
        const fits = [cpu, engine].map((engine) => repair(model, dropped, { ...on, engine }));
        const [a, b] = (await Promise.all(fits)).map(({ changes }) => changes!.flatMap(numbersIn));
        const largest = Math.max(...a.map(Math.abs));
        // Matrices are rounded to bfloat16 or float16: a sum on the edge may go either way.
        a.forEach((value, i) => assert.ok(Math.abs(value - b[i]) <= largest * 2 ** -7, `${by} ${i}`));
      }
    }));

  Deno.test("a graph with an operator that the plug-in has not is refused, not run elsewhere", () =>
    withFixture(linear[0], ({ model, blocks }) =>
      assert.rejects(
        finalStreams(model, blocks, [noDrop], undefined, engine),
        /^Error: Cannot compile a graph for the engine openvino: .* assigned to the default CPU EP/,
      )));

  Deno.test("bfloat16 runs where the CPU has it, and is refused in one line elsewhere", async () => {
    const found = await openEngine({ engine: "openvino", precision: "bfloat16" }).catch((error) => error);
    if (found instanceof Error) {
      assert.match(
        found.message,
        /^Cannot use the engine openvino: .* computes (?!.*BF16.*,).*, expected BF16 \(a CPU with AMX or AVX512_BF16\)$/,
      );
      return;
    }
    await expectLikeCpu(found, few);
  });

  Deno.test("graphs in bfloat16 run wholly on the plug-in, whatever the CPU makes of them", async () => {
    const plugin = { file: file!, called: "the engine openvino", vendor: 0x8086 };
    const narrow = pluginEngine(plugin, { name: "openvino", precision: "bfloat16", options: () => ({}) });
    await expectLikeCpu(narrow, ["llama", "olmoe"]);
    assert.equal(narrow.live, 0);
    await narrow.close();
  });
}

Deno.test("an engine that rounds factors to other bits than it says is refused", async () => {
  await tryPrecision(cpu);
  /** Whose compiler drops casts, or computes everything in what a graph has somewhere. */
  const claiming = (compile: Engine["compile"]): Engine =>
    Object.create(cpu, { has: { value: { ...cpu.has, products: "bf16" } }, compile: { value: compile } });
  const plain = (): Graph => {
    const graph = createGraph();
    graph.output("y", MatMul(graph.input("x", "f32", ["rows", 256]), graph.input("w", "f32", [256, 256])));
    return graph;
  };
  const cannot =
    "Cannot use the engine cpu: on the CPU factors of bfloat16 have 23 bits after the first, expected 7";
  await assert.rejects(tryPrecision(claiming(() => cpu.compile(plain()))), { message: cannot });
  assert.equal(cpu.live, 0);
});

Deno.test("float32 asks for accuracy; bfloat16 is asked for where the CPU has it, and refused elsewhere", () => {
  const config = (capabilities: string, hasBfloat16: boolean, threads = 0) =>
    JSON.parse(
      openvinoOptions({ words: "Some CPU", property: () => capabilities }, hasBfloat16, threads).load_config,
    ).CPU;
  const exact = { INFERENCE_PRECISION_HINT: "f32", EXECUTION_MODE_HINT: "ACCURACY" };
  assert.deepEqual(config("FP32 BF16 INT8", false), exact);
  assert.deepEqual(config("FP32", false, 3), { ...exact, INFERENCE_NUM_THREADS: 3 });
  const fast = { INFERENCE_PRECISION_HINT: "bf16", EXECUTION_MODE_HINT: "PERFORMANCE" };
  assert.deepEqual(config("FP32 BF16 INT8", true), fast);
  assert.throws(() => config("FP32 INT8", true), {
    name: "RangeError",
    message:
      "Cannot use the engine openvino: Some CPU computes FP32 INT8, expected BF16 (a CPU with AMX or AVX512_BF16)",
  });
});
