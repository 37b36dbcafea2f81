/**
 * The properties of `fuzz.ts`, each in a process of its own in test:all and all in one else: one that a signal ends has failed as one that
 * throws has, and so have those behind it.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { isThorough, ran } from "../../tools.ts";

const PROGRAM = fileURLToPath(new URL("fuzz.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));
const PROPERTIES = [
  "safetensors with a wrong attribute",
  "safetensors with random bytes in a right header",
  "GGUF with random metadata and tensors",
  "GGUF with random bytes in a right header",
  "GGUF with an extreme alignment",
  "a GGUF model with an extreme value",
];

/** What the program says of these properties: those that hold, a line each. */
const run = (properties: readonly string[]) =>
  ran(Deno.execPath(), ["run", "--allow-all", "--config", CONFIG, PROGRAM, ...properties]);

let together: ReturnType<typeof run> | undefined;

for (const property of PROPERTIES) {
  Deno.test(property, async () => {
    const { out, code, err } = await (isThorough ? run([property]) : together ??= run(PROPERTIES));
    assert.ok(out.split("\n").includes(property), `ended with ${code}: ${err}`);
  });
}
