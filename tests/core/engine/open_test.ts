/** An engine by its name: shared, of a precision that it has; a command line that would end the process while ONNX Runtime is loaded is refused. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openEngine, type WebgpuAccess } from "core/engine/mod.ts";
import { expectShortCommandLine, longestCommandLine } from "core/engine/native/memory.ts";
import { ran, unless } from "../../tools.ts";

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
unless(lacks)("a device that is lost is opened anew", async () => {
  const engine = await openEngine({ engine: "webgpu" });
  assert.equal(await openEngine({ engine: "webgpu" }), engine);
  const { device } = engine.access as WebgpuAccess;
  device.destroy();
  await device.lost;
  const next = await openEngine({ engine: "webgpu" }); // whose product came out right
  assert.notEqual(next, engine);
  await next.close();
});

const limits = (stack: string) =>
  `Limit  Soft Limit  Hard Limit  Units\nMax stack size   ${stack}   unlimited   bytes\n`;

Deno.test("how long a command line may be follows from the stack", () => {
  assert.equal(longestCommandLine(limits("8388608")), 16384);
  assert.equal(longestCommandLine(limits("4194304")), 8192);
  assert.equal(longestCommandLine(limits("unlimited")), Infinity);
  assert.equal(longestCommandLine(null), 16384);
});

Deno.test("a command line is measured in bytes", () => {
  const files = (line: string) => (path: string) => path.endsWith("cmdline") ? line : limits("8388608");
  expectShortCommandLine(files("a".repeat(16384)));
  expectShortCommandLine(() => null);
  assert.throws(() => expectShortCommandLine(files("é".repeat(8193))), {
    name: "RangeError",
    message: /^Cannot load ONNX Runtime: the command line has 16386 bytes, expected at most 16384; /,
  });
});

/** Of this process; where nothing bounds the stack, no line is too long. */
const most = Deno.build.os === "linux"
  ? longestCommandLine(await Deno.readTextFile("/proc/self/limits"))
  : Infinity;

const whereBound = unless(most === Infinity ? "nothing bounds the stack" : null);
whereBound(
  "the library is loaded beside the longest command line, and a longer one is refused in one line",
  async () => {
    const engine = new URL("../../../src/core/engine/mod.ts", import.meta.url);
    const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
    const code = `import { openEngine } from "${engine}";
    const { name } = await openEngine({ engine: "cpu" }).catch(({ message }) => ({ name: message }));
    console.log(name, Deno.readFileSync("/proc/self/cmdline").length);`;
    const script = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(script, code);
    const run = async (bytes: number) => {
      const args = ["run", "-A", "--no-check", "--config", config, script];
      const own = new TextEncoder().encode([Deno.execPath(), ...args, ""].join("\0")).length; // each word and its end
      const { code, out } = await ran(Deno.execPath(), [...args, "a".repeat(bytes - own - 1)]);
      return [code, out];
    };
    assert.deepEqual(await run(most), [0, `cpu ${most}\n`]);
    const [code2, said] = await run(most + 1);
    assert.equal(code2, 0);
    assert.match(
      String(said),
      new RegExp(`^Cannot load ONNX Runtime: the command line has ${most + 1} bytes, .* ${most + 1}\n$`),
    );
    await Deno.remove(script);
  },
);
