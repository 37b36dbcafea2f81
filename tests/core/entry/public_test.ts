/**
 * Every public function beside what it was given wrongly: one clear error each. A function in no row fails the test, so
 * that none is exported unchecked. The rows are in tables, by what the functions are for (public/).
 */
import assert from "node:assert/strict";
import * as cache from "../../../src/cache.ts";
import * as figures from "../../../src/figures.ts";
import * as init from "../../../src/init.ts";
import * as lamina from "../../../src/mod.ts";
import * as runs from "../../../src/series.ts";
import { enter, like, list, wholeNumber } from "core/entry/mod.ts";
import { engine, refuses } from "../../support.ts";
import { withTiny } from "../study/tiny.ts";
import { results } from "./public/results.ts";
import { type Call, model, type Row, series } from "./public/rows.ts";
import { shown } from "./public/shown.ts";
import { studies } from "./public/studies.ts";

const functions = Object.entries({ ...lamina, ...figures, ...runs, ...init, ...cache })
  .filter(([, value]) => typeof value === "function") as [string, (...args: unknown[]) => unknown][];

/** Functions that cannot be called wrongly: they take nothing, or, as `show` does (tests/core/show), anything. */
const WITHOUT_CHECKS = ["cacheEntries", "knownModels", "question", "show"];
const tables = [studies, results, shown];
const rows: Readonly<Record<string, Row>> = Object.assign({}, ...tables);

Deno.test("every public function is in one row, and every row is of one", () => {
  const listed = [...tables.flatMap(Object.keys), ...WITHOUT_CHECKS].sort();
  const odd = [...new Set(listed).symmetricDifference(new Set(functions.map(([name]) => name)))];
  assert.deepEqual(odd, [], `${odd}: one row of a table of tests/core/entry/public, and one public function`);
  assert.deepEqual(listed, [...new Set(listed)], "a function has two rows");
});

for (const [name, call] of functions) {
  for (const [what, [args, message]] of Object.entries(rows[name] ?? {}) as [keyof Row, Call][]) {
    const start = what === "value" ? "Cannot " : "TypeError: Cannot ";
    const wrong = (args: readonly unknown[]) => call(...args);
    Deno.test(`${name}: a wrong ${what} is one clear error`, () => refuses(start, wrong, [[args, message]]));
  }
}

Deno.test("an engine is one of the names or an engine itself, a precision one that the engine has; an error names the option", async () => {
  const verbs: [verb: string, call: (options: object) => Promise<unknown>][] = [
    ["profile", (options) => lamina.profile(model as never, options)],
    ["generate", (options) => lamina.generate(model as never, [{}], "a", options)],
    ["measure causes", (options) => lamina.causes(model as never, options)],
    ["measure untrained models", (options) => init.randomInit("llama-2-7b", options)],
    ["profile checkpoints", (options) => runs.checkpoints(series as never, options)],
  ];
  for (const [verb, call] of verbs) {
    await refuses(`Cannot ${verb}: `, call, [
      [
        { engine: "cudda" },
        /^[^,]*, expected one of auto, cpu, webgpu, cuda, openvino \(did you mean "cuda"\?\)$/,
      ],
      [{ precision: "float16" }, 'expected one of float32, tf32, bfloat16, int8 (did you mean "bfloat16"?)'],
      [{ engine: {} }, "engine is ", "TypeError"],
      [{ engine: /has compile too/g }, "engine is an object, expected one of auto, ", "TypeError"],
    ]);
  }
  await withTiny(async ({ model, options }) => {
    const { results: _, engine: _engine, ...text } = options;
    const tf32 = (engine: typeof options.engine) =>
      lamina.profile(model, { ...text, engine, precision: "tf32" });
    await refuses("Cannot use the engine", tf32, [
      ["cpu", ' cpu: precision is "tf32", expected float32, int8'],
      [engine, ': precision is "tf32", expected float32, the engine\'s own'],
    ]);
    const byName = await lamina.profile(model, { ...text, engine: "cpu", precision: "float32" });
    assert.deepEqual(byName, await lamina.profile(model, { ...text, engine }));
  });
});

Deno.test("a name stands for the model, which is opened for the study; an unknown one is told as openModel does", async () => {
  const plans = 'generate: plans is "a", expected a list of plans, as in generate(model, [{}], "A prompt")';
  await refuses("Cannot ", (call: () => unknown) => call(), [
    [() => lamina.profile("smollm3"), "open smollm3: unknown name", "Error"],
    [() => lamina.generate("smollm3", [{}], "a"), "open smollm3: unknown name", "Error"],
    [() => lamina.generate("smollm3", "a" as never, {} as never), plans, "TypeError"],
    [() => init.randomInit("llama-9"), /open llama-9: .* or one of the configurations .*llama-2-7b/, "Error"],
  ]);
});

Deno.test("a typed array stands for a list in every option that is one", async () => {
  const checks = { steps: list(wholeNumber(0), "steps"), text: like("bytes", ArrayBuffer.isView) };
  const bytes = Uint8Array.of(1, 2);
  const given = (options: object) =>
    enter("try", "it", options, checks as never, (own) => Promise.resolve(own));
  assert.deepEqual(await given({ steps: bytes, text: bytes }), { steps: [1, 2], text: bytes });
  const wrong = { steps: new DataView(bytes.buffer) };
  await assert.rejects(given(wrong), /steps is an object, expected a list of steps/);
});

Deno.test("a study of a name gives what that of the opened model gives, and leaves nothing open", () =>
  withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
    const opened = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10)); // files are closed after what is being read
      return filesIn(folder).length;
    };
    const [wanted, before] = [await lamina.profile(model, options), await opened()];
    assert.ok(before > 0 || Deno.build.os !== "linux");
    assert.deepEqual(await lamina.profile(folder, options), wanted);
    assert.equal(await opened(), before);
    await assert.rejects(lamina.profile(folder, { ...options, text: "no/such" }), /Cannot read text/);
    assert.equal(await opened(), before);
  }));

/** Open files in a folder; none where the system does not tell. */
function filesIn(folder: string): string[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const path = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return []; // the one that lists them
    }
  });
}
