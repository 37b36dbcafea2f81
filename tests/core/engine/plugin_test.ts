/** Plug-ins of the user's that cannot be used: each is an error that names the file and what is missing, and ends no process. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isPluginName, openEngine, type Wanted } from "core/engine/mod.ts";
import { printed, unless } from "../../tools.ts";
import { refuses, withFolder } from "../../support.ts";

const hasCompiler = Deno.build.os === "linux" &&
  await printed("cc", ["--version"]).then(() => true, () => false);
const compiled = unless(hasCompiler ? null : "no cc on Linux");

for (
  const [kind, what, found] of [
    ["NONE", "that offers no device", /it has no device for this machine \(CPU by \w+\)/],
    ["LACKS", "whose driver is missing", /libdriver\.so\.1 is not installed/],
    [
      "LATER",
      "for a later ONNX Runtime, which crashes",
      /the process ended with SIGSEGV: The requested API version \[999\] is not available.* 1\.30\.0/,
    ],
  ] as const
) {
  compiled(`a plug-in ${what}, is an error that says so`, () =>
    withFolder(async (folder) => {
      const file = join(folder, `${kind}.so`);
      const source = fileURLToPath(new URL("stub_plugin.c", import.meta.url));
      await printed("cc", ["-shared", "-fPIC", `-D${kind}`, source, "-o", file]);
      const error = new RegExp(`^\\w+: Cannot use the plug-in ${file}: ${found.source}`);
      await assert.rejects(openEngine({ engine: `plugin:${file}` }), error);
    }));
}

Deno.test("a file that is no plug-in, or is not there, is an error that names it", async () => {
  const library = fileURLToPath(import.meta.url);
  for (const file of [library, "/no/such/plugin.so"]) {
    await assert.rejects(
      openEngine({ engine: `plugin:${file}` }),
      ({ message }: Error) => message.startsWith(`Cannot use the plug-in ${file}: Failed to load library`),
    );
  }
});

Deno.test("a kind of device and a precision that plug-ins have not are refused before anything is loaded", async () => {
  await refuses("Cannot use the ", (wanted: Wanted) => openEngine(wanted), [
    [{ engine: "plugin:x.so,device=tpu" }, 'plug-in x.so: device is "tpu", expected cpu, gpu, npu'],
    [
      { engine: "plugin:x.so", precision: "int8" },
      'engine plugin:x.so: precision is "int8", expected float32, bfloat16',
    ],
  ]);
});

Deno.test("plugin: needs a file behind it", () => {
  assert.deepEqual(["plugin:x.so", "plugin:", "cpu", 3].map(isPluginName), [true, false, false, false]);
});
