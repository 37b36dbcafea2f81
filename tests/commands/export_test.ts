/** `lamina export` as a person runs it, on a checkpoint of the committed series: sizes, a card with results, commands to paste. */
import assert from "node:assert/strict";
import { withTrained } from "./cli.ts";
import { ran, words } from "../tools.ts";

const DROP = ["--drop-attention", "3", "--drop-mlp", "5"];

/** The commands of Lamina on a card, as a shell takes them apart. */
async function commandsOn(card: string): Promise<string[][]> {
  const spans = [...card.matchAll(/(?<!`)(`+)(?!`) ?(lamina [^]*?) ?(?<!`)\1(?!`)/g)].map(([, , span]) =>
    span
  );
  const blocks = [...card.matchAll(/^```sh\n([^]*?)\n```$/gm)].map(([, block]) => block)
    .filter((block) => block.startsWith("lamina "));
  return await Promise.all([...spans, ...blocks].map(async (command) => {
    const args = ["-c", `lamina() { printf '%s\\n' "$@"; }; ${command}`];
    return (await ran("sh", args)).out.split("\n").slice(0, -1);
  }));
}

for (const format of ["hf", "llm-drop", "gguf-deci", "onnx"]) {
  Deno.test(`export ${format}: each command on the card can be pasted`, () =>
    withTrained(async ({ folder, outer, ok, run }) => {
      const out = `${outer}/out`;
      await ok("export", folder, ...DROP, "--format", format, "--out", out);
      const commands = await commandsOn(await Deno.readTextFile(`${out}/README.md`));
      const names = words`export ${format === "llm-drop" ? ["generate"] : []} perplexity`;
      assert.deepEqual(commands.map(([name]) => name).sort(), names);
      for (const [name, ...args] of commands) {
        const placed = args.map((arg) => ({ tiny: folder, ".": out, smaller: `${outer}/again` })[arg] ?? arg);
        const more = name === "perplexity" ? ["--dry-run"] : name === "generate" ? ["--tokens", "2"] : [];
        const again = await run(name, ...more, ...placed);
        assert.equal(again.code, 0, `${name} ${placed.join(" ")}: ${again.err}`);
      }
      for (const { name } of Deno.readDirSync(out)) {
        assert.deepEqual(
          await Deno.readFile(`${outer}/again/${name}`),
          await Deno.readFile(`${out}/${name}`),
        );
      }
    }));
}

Deno.test("export prints the sizes before and after, and the card has them, with scores and speeds of the plan", () =>
  withTrained(async ({ folder, outer, ok, run }) => {
    const [scores, speeds, other] = ["scores", "speeds", "other"].map((name) => `${outer}/${name}.json`);
    await ok(...words`evaluate ${folder} ${DROP} --tasks piqa,openbookqa --limit 6 --prompts 0
      --json ${scores}`);
    await ok(...words`speed ${folder} ${DROP} --context 16 --new 2 --repeat 2
      --json ${speeds}`);
    const out = `${outer}/out`;
    const card = ["--card", scores, "--card", speeds];
    const ran = await ok("export", folder, ...DROP, "--format", "gguf-deci", "--out", out, ...card);
    assert.match(
      ran.out.replaceAll(/\s+/g, " "),
      /files: [\d.]+ MB with every module, [\d.]+ MB as gguf-deci \([\d.]+ % less\); the original's own files have/,
    );
    const text = await Deno.readTextFile(`${out}/README.md`);
    assert.match(text, /\| files as `gguf-deci` \| .* bytes\) \| [\d.]+ % less \|\n/);
    assert.match(
      text,
      /\| keys and values per token, in 16 bits \| 1\.02 kB \(1024 bytes\) \| 896 bytes .*12\.5 % less \|/,
    );
    const percent = "[\\d.]+ %";
    assert.match(
      text,
      new RegExp(
        `\\| \`piqa\` \\| 0 \\| 6 \\| \`acc\` \\| ${percent} \\| ${percent} \\(${percent} to ${percent}\\) \\| [−+][\\d.]+ \\([−+][\\d.]+ to `,
      ),
    );
    assert.match(text, /\| 1 \| 16 \| [\d.]+ × \([\d.]+ to [\d.]+\) \| [\d.]+ × .* \|\n/);
    const refused = async (message: RegExp, ...more: string[]) => {
      const wrong = await run("export", folder, "--format", "hf", "--out", `${outer}/no`, ...more);
      assert.equal(wrong.code, 1);
      assert.match(wrong.err.replaceAll(/\s+/g, " "), message);
      await assert.rejects(Deno.stat(`${outer}/no`));
    };
    await refused(
      /the evaluate is of .*attention 3.*, expected .*attention 2/,
      "--drop-attention",
      "2",
      ...card,
    );
    await refused(/Cannot read .*other\.json/, ...DROP, "--card", other);
    await Deno.writeTextFile(other, "[{]");
    await refused(/Cannot read .*other\.json/, ...DROP, "--card", other);
    await Deno.writeTextFile(other, `[${await Deno.readTextFile(scores)}]`);
    await ok(...words`export ${folder} ${DROP} --format hf --out ${outer}/yes
      --card ${other}`);
  }));

Deno.test("export of an export: the commands on its card drop what was there, not what was gone before", () =>
  withTrained(async ({ folder, outer, ok }) => {
    await ok("export", folder, ...DROP, "--format", "llm-drop", "--out", `${outer}/first`);
    for (const more of [["--drop-mlp", "2"], []]) {
      const out = `${outer}/out${more.length}`;
      await ok("export", `${outer}/first`, ...more, "--format", "gguf-deci", "--out", out);
      const card = await Deno.readTextFile(`${out}/README.md`);
      const again = ["export", ...more, "--format", "gguf-deci", "--out", "smaller", "first"];
      assert.deepEqual((await commandsOn(card))[0], again);
    }
  }));
