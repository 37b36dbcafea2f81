/** `lamina export` as a person runs it, on a checkpoint of the committed series: sizes, a card with results. */
import assert from "node:assert/strict";
import { withTrained } from "../../core/command/cli.ts";
import { words } from "../../tools.ts";

const DROP = ["--drop-attention", "3", "--drop-mlp", "5"];

for (const format of ["hf", "llm-drop", "gguf-deci", "onnx"]) {
  Deno.test(`export ${format}: what it prints to type next gives equal perplexities`, () =>
    withTrained(async ({ folder, outer, ok }) => {
      const exported = await ok("export", folder, ...DROP, "--format", format, "--out", `${outer}/out`);
      const said = /^To check the file \(both must print the same perplexity\):$/m.test(exported.out);
      assert.equal(said, format !== "onnx");
      const next = exported.out.match(/(?<=^npx .* lamina )perplexity .*$/gm) ?? [];
      const found = await Promise.all(next.map(async (line) => {
        const { out } = await ok(...words`${line.split(" ")} --samples 2 --length 32 --json -`);
        return JSON.parse(out).perplexity;
      }));
      if (format === "onnx") assert.deepEqual(found, []);
      else assert.ok(Math.abs(found[0] / found[1] - 1) < 1e-6, `${found}`); // float32's rounding, 30 times over
    }));
}

Deno.test("export prints the sizes before and after, and the card has them, with scores and speeds of the plan", () =>
  withTrained(async ({ folder, outer, ok, run }) => {
    const [scores, speeds, other] = ["scores", "speeds", "other"].map((name) => `${outer}/${name}.json`);
    await ok(
      ...words`evaluate ${folder} ${DROP} --tasks piqa,openbookqa --limit 6 --prompts 0 --json ${scores}`,
    );
    await ok(...words`speed ${folder} ${DROP} --context 16 --new 2 --repeat 2 --json ${speeds}`);
    const out = `${outer}/out`;
    const card = ["--card", scores, "--card", speeds];
    const ran = await ok("export", folder, ...DROP, "--format", "gguf-deci", "--out", out, ...card);
    const files = /files: [\d.]+ MB with every module, [\d.]+ MB as gguf-deci \([\d.]+ % less\); /i;
    assert.match(ran.out.replaceAll(/\s+/g, " "), RegExp(`${files.source}the original's own files have`));
    const text = await Deno.readTextFile(`${out}/README.md`);
    assert.match(text, files);
    assert.match(
      text,
      /Keys and values of 8,192 tokens, in 16 bits: 8\.39 MB before, 7\.34 MB after \(12\.5 % less\)\.\n/,
    );
    const acc =
      /\| `piqa, 6 documents` \| `acc` \| [\d.]+ % \| [\d.]+ % \([\d.]+ % to [\d.]+ %\) \| [−+][\d.]+ \([−+][\d.]+ to /;
    assert.match(text, acc);
    assert.match(text, /\| 1 × 16 \| [\d.]+ × \([\d.]+ to [\d.]+\) \| [\d.]+ × .* \|\n/);
    const refused = async (message: RegExp, ...more: string[]) => {
      const wrong = await run("export", folder, "--format", "hf", "--out", `${outer}/no`, ...more);
      assert.equal(wrong.code, 1);
      assert.match(wrong.err.replaceAll(/\s+/g, " "), message);
      await assert.rejects(Deno.stat(`${outer}/no`));
    };
    await refused(/evaluate is of .*attention 3.*, expected .*attention 2/, "--drop-attention", "2", ...card);
    await refused(/Cannot read .*other\.json/, ...DROP, "--card", other);
    await Deno.writeTextFile(other, "[{]");
    await refused(/Cannot read .*other\.json/, ...DROP, "--card", other);
    await Deno.writeTextFile(other, `[${await Deno.readTextFile(scores)}]`);
    await ok(...words`export ${folder} ${DROP} --format hf --out ${outer}/yes --card ${other}`);
  }));
