/**
 * The engine `webgpu` on this machine's device: what every engine does, what is its own, the executor over every family
 * (web_executor.ts), and weights in blocks (web_blocks.ts).
 */
import assert from "node:assert/strict";
import { type Engine, type WebgpuAccess, webgpuEngine } from "core/engine/mod.ts";
import { Add, createGraph, Gemm, type Graph, Mul } from "core/onnx/mod.ts";
import { float32 } from "core/tensor/mod.ts";
import { addends, cast, f32, held, numbers, sum, testEngine, withProgram } from "./suite.ts";
import { testBlocks } from "./web_blocks.ts";
import { testExecutor } from "./web_executor.ts";
import { unless } from "../../tools.ts";

const engine: Engine | string = await webgpuEngine().catch((error: Error) => error.message);
if (typeof engine !== "string") {
  testEngine(engine, webgpuEngine);
  testOwn(engine);
  testExecutor(engine);
  testBlocks(engine);
  testLoss(engine);
} else {
  unless(engine)("the engine webgpu", () => {});
}

/** Bytes of the device's buffers that are made and not destroyed, from now on until `end`. */
function countBuffers() {
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  const alive = new Map<GPUBuffer, number>();
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.set(buffer, descriptor.size);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    alive.delete(this);
    return destroy.call(this);
  };
  return {
    bytes: () => [...alive.values()].reduce((sum, size) => sum + size, 0),
    end() {
      Object.assign(GPUDevice.prototype, { createBuffer });
      Object.assign(GPUBuffer.prototype, { destroy });
    },
  };
}

/** What has no like on another engine. */
function testOwn(engine: Engine): void {
  Deno.test("webgpu says what computes, and what it can", () => {
    assert.equal(engine.version, "onnxruntime-web 1.30.0");
    assert.ok(engine.device);
    const { bindingBytes, memoryBytes, ...lowering } = engine.has;
    assert.equal(memoryBytes, 2 * 2 ** 30); // the documented assumption
    assert.ok(bindingBytes >= 128 * 2 ** 20); // WebGPU's least
    assert.deepEqual(lowering, {
      attention: "grouped-without-softcap",
      masked: "decomposed",
      rotation: "fused",
      rows: "gathered",
      bfloat16: "widened",
      products: "f32",
      blocks: { passes: [4, 8], steps: [4, 8], level: 1, worthBytes: 0, largest: 256, isParted: false },
      constants: "fed",
    });
  });

  for (
    const [dtype, data, expected] of [
      ["f16", Uint16Array.of(0x3c00, 0xc000, 0x3800), [1, -2, 0.5]],
      ["i32", Int32Array.of(5, -6, 7), [5, -6, 7]],
      ["u8", Uint8Array.of(5, 250, 7), [5, 250, 7]],
      ["bool", Uint8Array.of(1, 0, 1), [1, 0, 1]],
    ] as const
  ) {
    Deno.test(`webgpu: ${dtype} is fed as it is stored, three elements too`, () =>
      withProgram(engine, cast(dtype, 3), async (program) => {
        const { x } = held(engine, { x: { dtype, shape: [3], data } });
        const { y } = await program.run({ x });
        assert.deepEqual(await numbers(engine, y), expected);
        assert.deepEqual((await engine.read(x)).data, data);
      }));
  }

  Deno.test("webgpu: bf16 is held as f32, i64 and types that graphs there have not are held as they are", async () => {
    const bits = Uint16Array.of(0x3f80, 0xc000, 0x3f00);
    const widened = await engine.read(engine.upload({ dtype: "bf16", shape: [3], data: bits }));
    assert.deepEqual(widened, float32([3], Float32Array.of(1, -2, 0.5)));
    for (const data of [BigInt64Array.of(5n, -(2n ** 40n)), Int8Array.of(5, -6), Float64Array.of(0.1, 2)]) {
      const dtype = data instanceof BigInt64Array ? "i64" : data instanceof Int8Array ? "i8" : "f64";
      assert.deepEqual((await engine.read(engine.upload({ dtype, shape: [2], data }))).data, data);
    }
  });

  Deno.test("webgpu: what does not run on the device is refused when it is compiled, not run elsewhere", async () => {
    const error = /^Error: Cannot compile a graph on .*: ONNX Runtime: /;
    await assert.rejects(async () => await engine.compile(cast("i8", 2)), error);
  });

  const access = engine.access as WebgpuAccess;
  const { maxBufferSize } = access.device.limits;
  Deno.test("webgpu: what is larger than a buffer is refused by size", () => {
    assert.throws(() => access.allocate("f32", [maxBufferSize]), {
      name: "RangeError",
      message: /^Cannot hold \d+ bytes on .*: expected at most \d+ \(maxBufferSize\)$/,
    });
  });

  const { bindingBytes } = engine.has;
  const isBound = bindingBytes + 8 <= maxBufferSize;
  unless(isBound ? null : "no buffer of this device is")(
    "webgpu: what is larger than a binding is refused by name and size",
    () =>
      withProgram(engine, sum(), async (program) => {
        const a = access.allocate("f32", [bindingBytes / 8 + 1, 2]);
        await assert.rejects(program.run({ a, b: engine.upload(f32([2], 1, 2)) }), {
          name: "RangeError",
          message: /^Cannot feed a on .*: found \d+ bytes, expected at most \d+$/,
        });
        a.free();
      }),
  );

  Deno.test("webgpu: a run is let go when its signal aborts, and the program can be run again", () =>
    withProgram(engine, sum(), async (program) => {
      const feeds = addends(engine);
      const before = engine.live;
      const reason = new Error("enough");
      const abort = new AbortController();
      const run = program.run(feeds, { signal: abort.signal });
      abort.abort(reason);
      await assert.rejects(run, (error) => error === reason);
      await assert.rejects(program.run(feeds, { signal: abort.signal }), (error) => error === reason);
      const { y } = await program.run(feeds);
      assert.deepEqual(await numbers(engine, y), [11, 22]);
      assert.equal(engine.live, before + 2);
    }));

  Deno.test("webgpu: a feed may be freed while it is run, and a tensor while it is read", () =>
    withProgram(engine, sum(), async (program) => {
      const { a, b } = addends(engine);
      const before = engine.live;
      const run = program.run({ a, b });
      a.free();
      b.free();
      const { y, square } = await run;
      const read = engine.read(y);
      y.free();
      square.free();
      assert.equal(engine.live, before - 2);
      assert.deepEqual([...(await read).data], [11, 22]);
    }));

  Deno.test("webgpu: an output of another shape or type than what it is to go into is refused by name", () =>
    withProgram(engine, sum(), async (program) => {
      const feeds = addends(engine);
      const before = engine.live;
      const run = (y: string, into = held(engine, { y: f32([2], 0, 0) })) =>
        assert.rejects(program.run(feeds, { into }), { message: y }).finally(() => into.y.free());
      await run("Cannot write y: found [2], expected [1,2]");
      const words = held(engine, { y: { dtype: "i32", shape: [1, 2], data: new Int32Array(2) } });
      await run("Cannot write y: found elements of type i32, expected f32", words);
      assert.equal(engine.live, before);
    }));

  Deno.test("webgpu: outputs outlive their program", async () => {
    const { x, ...constants } = held(engine, { x: f32([1, 2], 1, 2), w: weightOf(3) });
    const program = await engine.compile(product(), constants);
    const { y } = await program.run({ x });
    await program.release();
    constants.w.free();
    assert.deepEqual((await engine.read(y)).data, new Float32Array(8192).fill(9));
    x.free();
    y.free();
  });

  Deno.test("webgpu: 40 runs, and 5 weights of one program, leave no memory behind", async () => {
    const buffers = countBuffers();
    try {
      const b = engine.upload(f32([2], 10, 20));
      await withProgram(engine, sum(), async (program) => {
        const counts: number[] = [];
        for (let i = 0; i < 40; i++) {
          const a = engine.upload(float32([4096, 2], new Float32Array(8192)));
          const { y, square } = await program.run({ a, b });
          await engine.read(y);
          for (const one of [a, y, square]) one.free();
          counts.push(buffers.bytes());
        }
        assert.equal(counts.at(-1), counts[10]);
      });
      let before = 0;
      for (let i = 0; i < 6; i++) {
        if (i === 1) before = buffers.bytes(); // the first program, which stays
        const { x, w } = held(engine, { x: f32([1, 2], 1, 2), w: weightOf(i) });
        const program = await engine.compile(product(), { w });
        (await program.run({ x })).y.free();
        await program.release();
        [x, w].forEach((one) => one.free());
      }
      assert.ok(buffers.bytes() - before < 4096, `${buffers.bytes() - before} bytes are left`);
      b.free();
    } finally {
      buffers.end();
    }
  });

  Deno.test("webgpu: the library's bind groups are made where they are counted", () =>
    withProgram(engine, sum(), async (program) => {
      const { device } = access;
      const { createBindGroup } = device;
      let made = 0;
      device.createBindGroup = (descriptor) => (made++, createBindGroup(descriptor));
      try {
        await program.run(addends(engine));
      } finally {
        device.createBindGroup = createBindGroup;
      }
      assert.ok(made >= 2, `${made} bind groups for a sum and a product`);
    }));

  Deno.test("webgpu: kernels get the device, buffers and memory", async () => {
    const a = access.allocate("f32", [3, 2]);
    access.device.queue.writeBuffer(access.buffer(a), 0, Float32Array.of(1, 2, 3, 4, 5, 6));
    await withProgram(engine, sum(), async (program) => {
      const { y, square } = await program.run({ a, b: engine.upload(f32([2], 10, 20)) });
      assert.ok(access.buffer(square) instanceof GPUBuffer);
      assert.deepEqual(await numbers(engine, y), [11, 22, 13, 24, 15, 26]);
    });
    a.free();
    assert.throws(() => access.buffer(a), { name: "TypeError" });
  });

  Deno.test("webgpu: closing one engine frees what it holds, and leaves another as it is", async () => {
    const other = await webgpuEngine();
    const program = await other.compile(sum());
    await program.run(addends(other));
    assert.equal(other.live, 4);
    await other.close();
    await other.close();
    assert.equal(other.live, 0);
    await withProgram(engine, sum(), async (program) => {
      const { y } = await program.run(addends(engine, [1, 2], [1, 2]));
      assert.deepEqual(await numbers(engine, y), [2, 4]);
    });
  });
}

/** x [n, 2] times a matrix w [2, 8192]. */
function product(): Graph {
  const graph = createGraph();
  graph.output("y", Gemm(graph.input("x", "f32", ["n", 2]), graph.input("w", "f32", [8192, 2])));
  return graph;
}

const weightOf = (value: number) => float32([8192, 2], new Float32Array(16384).fill(value));

/** Last, since the device of all engines is lost. */
function testLoss(engine: Engine): void {
  Deno.test("webgpu: a lost device is an error that names the call; the next engine opens a new one", async () => {
    const program = await engine.compile(sum());
    const feeds = addends(engine);
    (engine.access as WebgpuAccess).device.destroy();
    const lost = (call: string) => ({ message: new RegExp(`^Cannot ${call} on .*: the device was lost`) });
    await assert.rejects(engine.read(feeds.a), lost("read a tensor"));
    await assert.rejects(program.run(feeds), lost("run a graph"));
    assert.throws(() => engine.upload(f32([1], 1)), lost("hold 4 bytes"));
    const graph = createGraph();
    const x = graph.input("x", "f32", [1]);
    graph.output("y", Add(x, Mul(x, x)));
    await assert.rejects(() => engine.compile(graph), lost("compile a graph"));
    await program.release();
    await engine.close();
    assert.equal(engine.live, 0);

    const next = await webgpuEngine();
    await withProgram(next, sum(), async (program) => {
      const { y } = await program.run(addends(next));
      assert.deepEqual(await numbers(next, y), [11, 22]);
    });
    await next.close();
  });
}
