/** What is read is of the expected form, or an error that names the file and the field. */
import assert from "node:assert/strict";
import { type Kind, readResult, writeResult } from "../../src/result/mod.ts";
import { withFolder } from "../support.ts";
import { perplexity, profile } from "./samples.ts";

const plan = {
  kind: "plan" as const,
  model: "tiny",
  layers: 2,
  target: "attention",
  by: "importance",
  seed: null,
  attention: [1],
  mlp: [],
  order: [{ module: "attention", layer: 1, score: 0.25 }],
};
const results: Record<string, { kind: Kind }> = { profile: profile(), perplexity: perplexity(), plan };

/** Reads a file of this text as one of the kinds. */
async function readText(text: string, ...kinds: Kind[]): Promise<unknown> {
  let read: unknown;
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/result.json`, text);
    read = await readResult(`${folder}/result.json`, ...kinds);
  });
  return read;
}

for (const [kind, result] of Object.entries(results)) {
  Deno.test(`a ${kind} is read as it was written`, () =>
    withFolder(async (folder) => {
      await writeResult(`${folder}/deep/er/result.json`, result);
      assert.deepEqual(await readResult(`${folder}/deep/er/result.json`, "profile", kind as Kind), result);
    }));

  for (const field of Object.keys(result).filter((key) => key !== "kind")) {
    Deno.test(`a ${kind} without ${field} is refused by name`, async () => {
      const text = JSON.stringify({ ...result, [field]: undefined });
      const message = new RegExp(`Cannot read .*result\\.json: [\\s\\S]*${field}`);
      await assert.rejects(() => readText(text, kind as Kind), { name: "TypeError", message });
    });
  }
}

/** A change of a result's text, and what the error says. */
const refused: [what: string, text: string, kinds: Kind[], name: string, message: RegExp][] = [
  ["another kind", JSON.stringify(plan), ["profile"], "TypeError", /kind is "plan", expected profile$/],
  ["no kind", "{}", ["profile", "plan"], "TypeError", /kind is undefined, expected profile or plan$/],
  ["null", "null", ["plan"], "TypeError", /kind is undefined, expected plan/],
  ["a list", "[1]", ["plan"], "TypeError", /kind is undefined, expected plan/],
  ["half a file", JSON.stringify(plan).slice(0, 40), ["plan"], "SyntaxError", /Cannot read .*result\.json: /],
  ["an empty file", "", ["plan"], "SyntaxError", /Cannot read .*result\.json: /],
  ["NaN", JSON.stringify(plan).replace("0.25", "NaN"), ["plan"], "SyntaxError", /NaN|token/],
  [
    "1e999",
    JSON.stringify(perplexity()).replace('"nll":2.5', '"nll":1e999'),
    ["perplexity"],
    "TypeError",
    /nll/,
  ],
  ["a text for a number", JSON.stringify({ ...perplexity(), kl: "0" }), ["perplexity"], "TypeError", /at kl/],
  ["null for a mean", JSON.stringify({ ...perplexity(), nll: NaN }), ["perplexity"], "TypeError", /at nll/],
  [
    "a negative layer",
    JSON.stringify({ ...plan, attention: [-1] }),
    ["plan"],
    "TypeError",
    /at attention\[0\]/,
  ],
  ["half a layer", JSON.stringify({ ...plan, mlp: [0.5] }), ["plan"], "TypeError", /at mlp\[0\]/],
  ["another target", JSON.stringify({ ...plan, target: "head" }), ["plan"], "TypeError", /at target/],
  [
    "a list that is an object",
    JSON.stringify({ ...profile(), sums: { ...profile().sums, mlp: {} } }),
    ["profile"],
    "TypeError",
    /at sums\.mlp/,
  ],
];

for (const [what, text, kinds, name, message] of refused) {
  Deno.test(`a result with ${what} is refused`, async () => {
    await assert.rejects(() => readText(text, ...kinds), { name, message });
  });
}

Deno.test("a file that is not there is named", async () => {
  await assert.rejects(
    () => readResult("nowhere/result.json", "plan"),
    /Cannot read nowhere\/result\.json: .*ENOENT/,
  );
});
