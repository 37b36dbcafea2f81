/** Tests on a stand-in device: the stand-ins are built once for a test file. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { buildStubs, stubNeeds } from "./stubs.ts";
import { ran, unless } from "../tools.ts";

const needs = await stubNeeds();
const folder = needs.lacks === null ? await Deno.makeTempDir() : "";
if (needs.lacks === null) {
  await buildStubs(folder, needs);
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
}

/** Registers a test that needs the stand-ins; ignored, with the reason in its name, where they cannot be built. */
export const onStandIn = unless(needs.lacks);

/** Runs a script of this folder on the stand-ins; what it prints, as JSON. */
// deno-lint-ignore no-explicit-any
export async function onDevice(script: string, ...args: string[]): Promise<any> {
  const command = ["run", "-A", "--quiet", fileURLToPath(new URL(script, import.meta.url)), ...args];
  const { code, out, err } = await ran(Deno.execPath(), command, {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { LAMINA_CUDA: folder, NO_COLOR: "1" },
  });
  assert.deepEqual([code, err], [0, ""]);
  return JSON.parse(out);
}
