/** What is read is of the expected form, or an error that names the file and the field. */
import assert from "node:assert/strict";
import { type Kind, readResult, resultText, writeResult } from "../../src/result/mod.ts";
import { withFolder } from "../support.ts";
import { plan, results } from "./every_form.ts";
import { perplexity, profile, reordered } from "./samples.ts";

/** Reads a file of this text as one of the kinds. */
async function readText(text: string, ...kinds: Kind[]): Promise<unknown> {
  let read: unknown;
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/result.json`, text);
    read = await readResult(`${folder}/result.json`, ...kinds);
  });
  return read;
}

/** Fields that a result may lack. */
const OPTIONAL = ["mixtures", "mixers"];

for (const [kind, result] of Object.entries(results)) {
  Deno.test(`a ${kind} is read as it was written`, () =>
    withFolder(async (folder) => {
      await writeResult(`${folder}/deep/er/result.json`, result);
      assert.deepEqual(await readResult(`${folder}/deep/er/result.json`, "profile", kind as Kind), result);
    }));

  for (const field of Object.keys(result).filter((key) => key !== "kind" && !OPTIONAL.includes(key))) {
    Deno.test(`a ${kind} without ${field} is refused by name`, async () => {
      const text = JSON.stringify({ ...result, [field]: undefined });
      const said = field === "method" ? "method is missing, expected 1 " : `.*at ${field}: `;
      const message = new RegExp(`^Cannot read .*result\\.json: ${said}`);
      await assert.rejects(() => readText(text, kind as Kind), { name: "TypeError", message });
    });
  }
}

/** Every number of a result, as a function that puts another value in its place. */
function* numbersIn(
  value: unknown,
  put: (value: unknown) => unknown,
): Generator<(value: unknown) => unknown> {
  if (typeof value === "number") yield put;
  if (value === null || typeof value !== "object") return;
  const list = Array.isArray(value);
  for (const [key, inner] of Object.entries(value)) {
    const place = (other: unknown) => {
      const copy = (list ? [...value] : { ...value }) as Record<string, unknown>;
      copy[key] = other;
      return put(copy);
    };
    yield* numbersIn(inner, place);
  }
}

for (const [kind, result] of Object.entries(results)) {
  Deno.test(`a ${kind} with NaN or infinity for any of its numbers is not written, and is not there`, () =>
    withFolder(async (folder) => {
      for (const put of numbersIn(result, (whole) => whole)) {
        for (const value of [NaN, Infinity, -Infinity]) {
          const writing = () => writeResult(`${folder}/result.json`, put(value) as { kind: Kind });
          await assert.rejects(writing, {
            name: "TypeError",
            message: new RegExp(`^Cannot write ${kind}: at `),
          });
        }
      }
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }));

  Deno.test(`a ${kind} is written in one order of keys`, () => {
    assert.equal(resultText(reordered(result) as typeof result), resultText(result));
    assert.match(resultText(result), new RegExp(`^{"kind":"${kind}","method":\\d+,`));
  });
}

Deno.test("a null that should be a number is not written; the field is named, and how many more there are", () => {
  const nulls = { ...perplexity(), nll: null, kl: null };
  assert.throws(() => resultText(nulls), {
    name: "TypeError",
    message: "Cannot write perplexity: at nll: found null, expected number (and 1 more)",
  });
});

Deno.test("a byte order mark before a result, which some editors write, is passed over", async () => {
  assert.deepEqual(await readText(`\ufeff${resultText(plan)}`, "plan"), plan);
});

/** A change of a result's text, and what the error says. */
const refused: [what: string, text: string, kinds: Kind[], name: string, message: RegExp][] = [
  ["another kind", JSON.stringify(plan), ["profile"], "TypeError", /kind is "plan", expected profile$/],
  ["no kind", "{}", ["profile", "plan"], "TypeError", /kind is missing, expected profile or plan$/],
  [
    "no target",
    JSON.stringify({ ...plan, target: undefined }),
    ["plan"],
    "TypeError",
    /at target: it is missing, expected one of /,
  ],
  [
    "a change to nothing known",
    JSON.stringify({ ...plan, changes: [{ layer: 1, module: "mlp", to: "zebra" }] }),
    ["plan"],
    "TypeError",
    /at changes\[0\]\.to: found "zebra", expected 'nothing' \| /,
  ],
  [
    "a change that does not say to what",
    JSON.stringify({ ...plan, changes: [{ layer: 1, module: "mlp" }] }),
    ["plan"],
    "TypeError",
    /at changes\[0\]\.to: it is missing, expected 'nothing' \| /,
  ],
  [
    "half a layer, whose number is shown",
    JSON.stringify({ ...plan, attention: [1.5] }),
    ["plan"],
    "TypeError",
    /at attention\[0\]: found 1\.5, expected int$/,
  ],
  [
    "no layers",
    JSON.stringify({ ...plan, attention: undefined }),
    ["plan"],
    "TypeError",
    /at attention: it is missing, expected array$/,
  ],
  ["null", "null", ["plan"], "TypeError", /kind is missing, expected plan/],
  ["a list", "[1]", ["plan"], "TypeError", /kind is missing, expected plan/],
  ["half a file", JSON.stringify(plan).slice(0, 40), ["plan"], "SyntaxError", /Cannot read .*result\.json: /],
  ["an empty file", "", ["plan"], "SyntaxError", /Cannot read .*result\.json: /],
  [
    "another method",
    JSON.stringify({ ...plan, method: 99 }),
    ["plan"],
    "TypeError",
    /method is 99, expected \d+ \(another version of Lamina computed it differently/,
  ],
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
    /Cannot read nowhere\/result\.json: no such file or folder$/,
  );
});
