/** The properties of `fuzz.ts`, each in a process of its own: one that a signal ends has failed as one that throws has. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("fuzz.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

for (
  const property of [
    "safetensors with a wrong attribute",
    "safetensors with random bytes in a right header",
    "GGUF with random metadata and tensors",
    "GGUF with random bytes in a right header",
    "GGUF with an extreme alignment",
    "a GGUF model with an extreme value",
  ]
) {
  Deno.test(property, async () => {
    const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--config", CONFIG, PROGRAM, property],
      stdout: "null",
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(signal, null, `ended by ${signal}: ${said}`);
    assert.equal(code, 0, said);
  });
}
