/**
 * The properties of `fuzz.ts`, each in a process of its own in test:all and all in one else: one that a signal ends has failed as one that
 * throws has, and so have those behind it.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { isThorough } from "../support.ts";

const PROGRAM = fileURLToPath(new URL("fuzz.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const PROPERTIES = [
  "safetensors with a wrong attribute",
  "safetensors with random bytes in a right header",
  "GGUF with random metadata and tensors",
  "GGUF with random bytes in a right header",
  "GGUF with an extreme alignment",
  "a GGUF model with an extreme value",
];

/** What the program says of these properties: those that hold, a line each; its end. */
async function run(properties: readonly string[]) {
  const { signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--config", CONFIG, PROGRAM, ...properties],
  }).output();
  const [held, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { held: held.split("\n"), signal, said };
}

let together: ReturnType<typeof run> | undefined;

for (const property of PROPERTIES) {
  Deno.test(property, async () => {
    const { held, signal, said } = await (isThorough ? run([property]) : together ??= run(PROPERTIES));
    assert.ok(held.includes(property), `ended by ${signal}: ${said}`);
  });
}
