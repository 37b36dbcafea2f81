/** What is read is of the expected form, or an error that names the file and the field. */
import assert from "node:assert/strict";
import { NOUNS } from "core/entry/checks.ts";
import { manifests, resultText } from "core/result/mod.ts";
import { readJson } from "../../fixtures/read.ts";
import { certificate } from "../show/synthetic_studies.ts";
import { withFolder } from "../../support.ts";
import { plan, results } from "./every_form.ts";
import { perplexity, profile, reordered } from "./samples.ts";
import { type Kind, readResult, type ResultOf, writeResult } from "features/by_name.ts";

/** Reads a file of this text as one of the kinds. */
function readText(text: string, ...kinds: Kind[]): Promise<unknown> {
  return withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/result.json`, text);
    return await readResult(`${folder}/result.json`, ...kinds);
  });
}

const OPTIONAL = ["mixtures", "mixers"];

for (const [kind, result] of Object.entries(results)) {
  Deno.test(`a ${kind} is read as it was written`, () =>
    withFolder(async (folder) => {
      await writeResult(`${folder}/deep/er/result.json`, result);
      const path = `${folder}/deep/er/result.json`;
      assert.deepEqual(await readResult(path, "profile", kind as Kind), result);
      assert.deepEqual(await readResult(path), result, "of any kind");
    }));

  for (const field of Object.keys(result).filter((key) => key !== "kind" && !OPTIONAL.includes(key))) {
    Deno.test(`a ${kind} without ${field} is refused by name`, async () => {
      const text = JSON.stringify({ ...result, [field]: undefined });
      const { method } = result as { readonly method?: number };
      const said = field === "method" ? `method is missing, expected ${method} ` : `.*at ${field}: `;
      const message = new RegExp(`^Cannot read .*result\\.json: ${said}`);
      await assert.rejects(() => readText(text, kind as Kind), { name: "TypeError", message });
    });
  }
}

Deno.test("a certificate of an earlier method is refused, never misread", async () => {
  const refused = { name: "TypeError", message: /: method is 1, expected 2 \(another version of Lamina/ };
  const earlier = JSON.stringify({ ...certificate({ layers: 2 }), method: 1 });
  await assert.rejects(() => readText(earlier, "certificate"), refused);
});

Deno.test("only kinds of results have nouns", () => {
  assert.deepEqual(Object.keys(NOUNS).filter((kind) => !Object.hasOwn(manifests, kind)), []);
});

/** Every number of a result, as a function that puts another value in its place. */
type Put = (value: unknown) => unknown;
function* numbersIn(value: unknown, put: Put): Generator<Put> {
  if (typeof value === "number") yield put;
  if (value === null || typeof value !== "object") return;
  for (const [key, inner] of Object.entries(value)) {
    yield* numbersIn(
      inner,
      (other) => put(Object.assign(Array.isArray(value) ? [...value] : { ...value }, { [key]: other })),
    );
  }
}

for (const [kind, result] of Object.entries(results)) {
  Deno.test(`a ${kind} with NaN or infinity for any of its numbers is not written, and is not there`, () =>
    withFolder(async (folder) => {
      for (const put of numbersIn(result, (whole) => whole)) {
        for (const value of [NaN, Infinity, -Infinity]) {
          const writing = () => writeResult(`${folder}/result.json`, put(value) as { kind: Kind });
          await assert.rejects(writing, new RegExp(`^TypeError: Cannot write ${kind}: at `));
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

type Refused = [text: string, message: RegExp, kinds?: Kind[], name?: string];
const planned = (fields: object) => JSON.stringify({ ...plan, ...fields });
const measured = (fields: object) => JSON.stringify({ ...perplexity(), ...fields });
const changed = (change: object) => planned({ changes: [{ layer: 1, module: "mlp", ...change }] });
const cut = { layer: 0, module: "attention", to: "weights", tensors: "0".repeat(64), heads: [0] };
const mlpless = JSON.stringify({ ...profile(), sums: { ...profile().sums, mlp: {} } });

const { evaluate }: { evaluate: ResultOf<"evaluate"> } = await readJson("tests/fixtures/results.json");
const { openbookqa } = evaluate.tasks;

const left = (what: string) => RegExp(`json: ${what}, which Lamina no longer does: docs/findings\\.md$`);
const ordered = (fields: object) => JSON.stringify({ ...results.order, ...fields });
const drawn = { ...evaluate, tasks: { a: { ...openbookqa, drawn: { of: 9, chances: [null] } } } };
const unnormed = changed({ to: "linear", tensors: "0".repeat(64), unnormed: true });

/** Texts of results, and what the error says: of a plan, and a `TypeError`, where nothing else is said. */
const refused: Record<string, Refused> = {
  "another kind": [planned({}), /kind is "plan", expected profile$/, ["profile"]],
  "no kind": ["{}", /kind is missing, expected profile or plan$/, ["profile", "plan"]],
  "a field that no plan has": [
    planned({ zebra: 1 }),
    /json: unknown field "zebra" of a plan, expected one of kind, method, /,
  ],
  "no target": [planned({ target: undefined }), /at target: it is missing, expected one of /],
  "a change to nothing known": [
    changed({ to: "zebra" }),
    /changes\[0\]\.to: found "zebra", expected 'nothing' \| /,
  ],
  "a change that does not say to what": [
    changed({}),
    /changes\[0\]\.to: it is missing, expected 'nothing' \| /,
  ],
  "half a layer, whose number is shown": [
    planned({ attention: [1.5] }),
    /attention\[0\]: found 1\.5, expected int$/,
  ],
  "no layers": [planned({ attention: undefined }), /at attention: it is missing, expected array$/],
  "null": ["null", /kind is missing, expected plan/],
  "a list": ["[1]", /kind is missing, expected plan/],
  "half a file": [planned({}).slice(0, 40), /Cannot read .*result\.json: /, ["plan"], "SyntaxError"],
  "an empty file": ["", /Cannot read .*result\.json: /, ["plan"], "SyntaxError"],
  "another method": [
    planned({ method: 99 }),
    /method is 99, expected \d+ \(another version of Lamina computed it diff/,
  ],
  "NaN": [planned({}).replace("0.25", "NaN"), /NaN|token/, ["plan"], "SyntaxError"],
  "1e999": [measured({}).replace('"nll":2.5', '"nll":1e999'), /nll/, ["perplexity"]],
  "a text for a number": [measured({ kl: "0" }), /at kl/, ["perplexity"]],
  "null for a mean": [measured({ nll: NaN }), /at nll/, ["perplexity"]],
  "a negative layer": [planned({ attention: [-1] }), /at attention\[0\]/],
  "half a layer": [planned({ mlp: [0.5] }), /at mlp\[0\]/],
  "another target": [planned({ target: "head" }), /at target/],
  "a repair that left": [planned({ repaired: { by: "gain" } }), left("it has a repair by gain")],
  "a kind that left": [JSON.stringify({ kind: "paths", method: 1 }), left("it maps paths of layers")],
  "a study that left": [JSON.stringify({ kind: "depth", method: 3 }), left("it measures how far .*")],
  "logs that left": [JSON.stringify({ kind: "samples", method: 1 }), left("it compares answers .*")],
  "effects of a plan": [measured({ effects: {} }), left("it has effects on later updates .*"), [
    "perplexity",
  ]],
  "a map of the stream": [unnormed, left("it maps the stream itself, as .* did")],
  "a window": [changed({ to: "window", keys: 4, sinks: 1 }), left("it gives attention a window of keys")],
  "heads that are cut": [changed({ to: "weights", heads: [0] }), left("it cuts heads of attention")],
  "heads that are cut, in a plan inside a result": [
    measured({
      provenance: { ...perplexity().provenance, drop: { attention: [], mlp: [], changes: [cut] } },
    }),
    left("it cuts heads of attention"),
    ["perplexity"],
  ],
  "two changes that left, of which the first is named": [
    planned({ changes: [cut, { layer: 1, module: "mlp", to: "nothing", visit: 1 }] }),
    left("it cuts heads of attention"),
  ],
  "two fields that left, of which the first is named": [
    JSON.stringify({ path: [0], visit: 1, ...plan }),
    left("it runs layers on a path"),
  ],
  "a visit of a layer": [changed({ to: "nothing", visit: 1 }), left("it changes one of several visits .*")],
  "an order by drafts": [ordered({ by: "draft" }), left("it is ordered by the time of drafts"), ["order"]],
  "an order by gate norm": [ordered({ by: "gate-norm" }), left("it is ordered by the gate norm of weights"), [
    "order",
  ]],
  "an order by the largest update": [
    ordered({ by: "largest" }),
    left("it is .* the largest update of a token"),
    ["order"],
  ],
  "documents by margin": [JSON.stringify(drawn), left("it draws documents by margin"), ["evaluate"]],
  "a path": [planned({ path: [0, 0, 1] }), left("it runs layers on a path")],
  "a path beside a profile": [
    JSON.stringify({ ...results.profile, path: [0, 0, 1] }),
    left("it runs layers on a path"),
    ["profile"],
  ],
  "an order on a task": [ordered({ on: {} }), left("it ranks .* on a task"), ["order"]],
  "a list that is an object": [mlpless, /at sums\.mlp: found object, expected array$/, ["profile"]],
};

for (
  const [what, [text, message, kinds = ["plan"] as Kind[], name = "TypeError"]] of Object.entries(refused)
) {
  Deno.test(`a result with ${what} is refused`, () =>
    assert.rejects(() => readText(text, ...kinds), { name, message }));
}

Deno.test("a file of no kind is refused where any would do; one that is not there is named", async () => {
  const message = /^Cannot read .*result\.json: kind is "letter", expected .*profile or /;
  await assert.rejects(() => readText('{"kind":"letter"}'), { name: "TypeError", message });
  const none = /Cannot read nowhere\/result\.json: no such file or folder$/;
  await assert.rejects(() => readResult("nowhere/result.json", "plan"), none);
});

Deno.test("what is no result is not written", () => {
  for (const wrong of [3, null, {}, { kind: "zebra" }]) {
    assert.throws(() => resultText(wrong as never), /^TypeError: Cannot write a result: /);
  }
});
