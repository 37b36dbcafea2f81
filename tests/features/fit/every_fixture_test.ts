/** A fit of every fixture ends in an answer or in one sentence, whatever is asked of it: never in an error of the language. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { closed, shellWord } from "core/entry/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { openGguf } from "core/weights/mod.ts";
import { laminaHere, wordsOf } from "../../core/command/cli.ts";
import { byTurns, withFolder } from "../../support.ts";

const fixtures = new URL("../../fixtures/", import.meta.url);
const namesIn = (folder: string, isOne: (entry: Deno.DirEntry) => boolean) =>
  [...Deno.readDirSync(new URL(folder, fixtures))].filter(isOne).map(({ name }) => name).sort();
const models = [
  ...namesIn("gguf/", ({ name }) => name.endsWith(".gguf")).map((name) => `gguf/${name}`),
  ...namesIn("models/", ({ isDirectory }) => isDirectory).map((name) => `models/${name}`),
];

/** What is asked: all aims that count a file's bytes or a text's losses, and the targets that other code makes. */
const AIMS = [
  "--file 90%",
  "--perplexity 10%",
  "--loss 9 --targets types",
  "--kld 0.05",
  "--loss 9 --targets joint",
  "--file 80% --targets types",
  "--loss 9 --targets attention",
  "--file 90% --targets joint --format gguf",
  "--kld 9",
  "--perplexity 0.001% --protect-first 99",
];

/** What JavaScript and numbers without a value leave in a sentence. */
const OF_THE_LANGUAGE = /undefined|Infinity|NaN|\[object|reading '|is not (?:a|iterable)|destructure| of {2}/;

/** Ids below the vocabulary of every fixture. */
const ids = Array.from({ length: 4096 }, (_, i) => 3 + (i * i * 7 + i * 13) % 21);

const pathOf = (name: string) => fileURLToPath(new URL(name, fixtures));

/** Runs `fit` on a model with tiny texts. */
async function fitIn(folder: string, name: string, aim: string) {
  const text = `${folder}/ids.json`;
  await Deno.writeTextFile(text, JSON.stringify(ids));
  const sizes = "--samples 4 --length 16 --calibration-samples 2 --calibration-length 16";
  const options = ["--text", text, "--calibration-text", text, ...sizes.split(" ")];
  return await laminaHere(`${folder}/results`, "fit", pathOf(name), ...aim.split(" "), ...options);
}

/** Asks all of these of a model, whose results are kept from one to the next. */
async function ask(name: string, aims: readonly string[]): Promise<void> {
  await withFolder(async (folder) => {
    for (const aim of aims) {
      const { code, out, err } = await fitIn(folder, name, aim);
      const said = `fit ${name} ${aim}: ${err.trim()}`;
      if (code === 0) {
        assert.notEqual(out, "", said);
        assert.doesNotMatch(out, OF_THE_LANGUAGE, said);
      } else {
        const last = err.trim().split("\n").at(-1)!;
        assert.match(
          last,
          /^lamina: Cannot \S+ .+: .*(?:expected|formats that can:) .+|^lamina: Cannot reach /,
          said,
        );
        assert.doesNotMatch(last, OF_THE_LANGUAGE, said);
      }
    }
  });
}

for (const [turn, name] of models.entries()) {
  Deno.test(`${name}: a fit ends in an answer or in a sentence`, () => ask(name, byTurns(AIMS, turn)));
}

/** Models on which fits ended in errors of the language: two tables, latents stored in parts, rows of 48. */
const STOPPED = ["gguf/llama.gguf", "gguf/deepseek-v3.gguf", "gguf/granite-tied.gguf", "models/llama"];
for (const name of STOPPED) {
  Deno.test(`${name}: whatever is asked, a fit ends in an answer or in a sentence`, () => ask(name, AIMS));
}

Deno.test("a fit that can change nothing says so before any work", () =>
  withFolder(async (folder) => {
    const model = pathOf("gguf/granite-tied.gguf");
    for (
      const aim of ["--loss 5 --targets types", "--file 80% --targets types", "--loss 9 --protect-first 99"]
    ) {
      const { code, err } = await laminaHere(folder, "fit", model, ...aim.split(" "), "--text", "ids.json");
      assert.equal(code, 1, aim);
      assert.match(err, /^lamina: Cannot fit granite-tied\.gguf: .*expected .+\n$/, aim);
      assert.deepEqual([...Deno.readDirSync(folder)], [], aim);
    }
  }));

Deno.test("the next command exports an answer that drops nothing in the model's own architecture, and any other as deci", async () => {
  const architectures = { "--file 70% --targets types": "llama", "--loss 9 --targets attention": "deci" };
  for (const [aim, expected] of Object.entries(architectures)) {
    await withFolder(async (folder) => {
      const { out, err } = await fitIn(folder, "models/llama", aim);
      const line = out.split("\n").find((line) => / export /.test(line));
      assert.ok(line, `${aim}: ${out}${err}`);
      const path = pathOf("models/llama"); // may hold spaces
      const words = wordsOf(line.slice(line.indexOf("export ")).replaceAll(shellWord(path), "MODEL"), {
        MODEL: path,
      });
      words[words.indexOf("--out") + 1] = `${folder}/smaller`;
      const exported = await laminaHere(`${folder}/results`, ...words);
      assert.equal(exported.code, 0, exported.err);
      using file = closed(await openGguf(await fileSource(`${folder}/smaller/model.gguf`)));
      assert.equal(file.metadata.get("general.architecture"), expected, aim);
    });
  }
});
