/** The reference engine: what every engine does (suite.ts), and what is the CPU's own. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { cpuEngine } from "core/engine/native/cpu.ts";
import { openLibrary } from "core/engine/native/library.ts";
import { createGraph, Gemm, type Graph } from "core/onnx/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";
import { engine, withFolder } from "../../support.ts";
import { cast, held, numbers, testEngine, withProgram } from "./suite.ts";
import { printed } from "../../tools.ts";

testEngine(engine, cpuEngine);

for (
  const [dtype, data, expected] of [
    ["f16", Uint16Array.of(0x3c00, 0xc000), [1, -2]],
    ["f64", Float64Array.of(0.5, -2), [0.5, -2]],
    ["i64", BigInt64Array.of(5n, -6n), [5, -6]],
    ["i32", Int32Array.of(5, -6), [5, -6]],
    ["i16", Int16Array.of(5, -6), [5, -6]],
    ["i8", Int8Array.of(5, -6), [5, -6]],
    ["u8", Uint8Array.of(5, 250), [5, 250]],
  ] as const
) {
  Deno.test(`${dtype} is fed as it is stored`, () =>
    withProgram(engine, cast(dtype, 2), async (program) => {
      const { y } = await program.run(held(engine, { x: { dtype, shape: [2], data } }));
      assert.deepEqual(await numbers(engine, y), expected);
    }));
}

Deno.test("the engine says what computes", () => {
  assert.equal(engine.name, "cpu");
  assert.match(engine.version, /^onnxruntime \d+\.\d+\.\d+$/);
});

/** A product that takes some hundred milliseconds, node after node. */
function slow(): Graph {
  const graph = createGraph();
  let x = graph.input("x", "f32", [512, 512]);
  for (let i = 0; i < 80; i++) x = Gemm(x, x);
  graph.output("y", x);
  return graph;
}
const square: Tensor = { dtype: "f32", shape: [512, 512], data: new Float32Array(512 * 512) };

Deno.test("a run ends when its signal aborts, with its reason, and the program can be run again", () =>
  withProgram(engine, slow(), async (program) => {
    const feeds = held(engine, { x: square });
    const before = engine.live;
    const whole = performance.now();
    (await program.run(feeds)).y.free();
    const seconds = performance.now() - whole;
    const start = performance.now();
    const reason = new Error("enough");
    const abort = new AbortController();
    const run = program.run(feeds, { signal: abort.signal });
    abort.abort(reason);
    await assert.rejects(run, (error) => error === reason);
    assert.ok(performance.now() - start < seconds, "the run went on to its end");
    await assert.rejects(program.run(feeds, { signal: abort.signal }), (error) => error === reason);
    (await program.run(feeds)).y.free();
    assert.equal(engine.live, before);
  }));

Deno.test("timers fire while a graph runs", () =>
  withProgram(engine, slow(), async (program) => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    (await program.run(held(engine, { x: square }))).y.free();
    clearInterval(timer);
    assert.ok(ticks > 3, `${ticks} ticks`);
  }));

Deno.test("a library that is no ONNX Runtime is refused, not called", () => {
  assert.throws(() => openLibrary("/nowhere/libonnxruntime.so"), /nowhere/);
});

Deno.test("ONNX Runtime reports nothing to its maker: a process that opens it leaves no identifier behind", () =>
  withFolder(async (folder) => {
    const { denoDir } = JSON.parse(await deno(["info", "--json"]));
    const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
    const door = new URL("../../../src/core/engine/mod.ts", import.meta.url);
    const code = `import { cpuEngine } from "${door}"; cpuEngine();`;
    const env = { DENO_DIR: denoDir, HOME: folder, XDG_CACHE_HOME: folder };
    await deno(["eval", `--config=${config}`, code], env);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), []);
  }));

function deno(args: string[], env: Record<string, string> = {}): Promise<string> {
  // Without the variable that this process has set for itself.
  const { ORT_DISABLE_TELEMETRY: _, ...own } = Deno.env.toObject();
  return printed(Deno.execPath(), args, { env: { ...own, ...env }, clearEnv: true });
}
