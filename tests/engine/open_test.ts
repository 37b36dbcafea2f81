/** An engine by its name: shared, of a precision that it has. Devices: tests/engine/cuda_test.ts, tests/commands/engine_test.ts. */
import assert from "node:assert/strict";
import { openEngine, type WebgpuAccess } from "../../src/engine/mod.ts";

Deno.test("an engine is opened once; nothing of its trial is held", async () => {
  const [one, other] = await Promise.all([openEngine({ engine: "cpu" }), openEngine({ engine: "cpu" })]);
  assert.equal(one, other);
  assert.deepEqual([one.name, one.device, one.precision, one.live], ["cpu", null, "float32", 0]);
});

Deno.test("a precision that the engine has not is an error that names it, again and again", async () => {
  for (const [engine, precision] of [["cpu", "tf32"], ["webgpu", "bfloat16"], ["cpu", "tf32"]] as const) {
    await assert.rejects(openEngine({ engine, precision }), {
      name: "RangeError",
      message: `Cannot use the engine ${engine}: precision is "${precision}", expected ${
        engine === "cpu" ? "float32, int8" : "float32"
      }`,
    });
  }
});

const lacks = await openEngine({ engine: "webgpu" }).then(() => null, (error: Error) => error.message);
Deno.test({
  name: `a device that is lost is opened anew${lacks === null ? "" : ` (skipped: ${lacks})`}`,
  ignore: lacks !== null,
  async fn() {
    const engine = await openEngine({ engine: "webgpu" });
    assert.equal(await openEngine({ engine: "webgpu" }), engine);
    const { device } = engine.access as WebgpuAccess;
    device.destroy();
    await device.lost;
    const next = await openEngine({ engine: "webgpu" }); // whose product came out right
    assert.notEqual(next, engine);
    await next.close();
  },
});
