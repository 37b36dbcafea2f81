/** LLM-Drop's lists, the card, refusals, and that a folder is written whole or not at all. */
import assert from "node:assert/strict";
import { exportModel } from "features/export/mod.ts";
import { makePlan } from "features/orders/mod.ts";
import { certify } from "features/compare/mod.ts";
import { formatDigits, formatNumber } from "core/show/words/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { fixture, fixtureNames } from "../../fixtures/read.ts";
import { withDesk } from "../../core/command/cli.ts";
import { tinyText, withTiny } from "../../core/study/tiny.ts";
import { changeConfig, refuses, withFolder } from "../../support.ts";
import { expectSame, expectSameByTurns, withSmaller } from "./smaller.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const drop = { attention: [2, 0], mlp: [1] };

for (const [n, name] of fixtureNames.entries()) {
  Deno.test(`${name}: LLM-Drop's lists in rank order beside untouched files`, async () => {
    const { folder } = await fixture(name);
    await withSmaller(folder, drop, "llm-drop", async (both) => {
      const to = both.exported.folder;
      const [before, after] = [folder, to].map((at) =>
        JSON.parse(Deno.readTextFileSync(`${at}/config.json`))
      );
      assert.deepEqual(after, { ...before, drop_attn_list: [2, 0], drop_mlp_list: [1] });
      for (const file of namesIn(to).filter((file) => file.startsWith("model"))) {
        assert.deepEqual(await Deno.readFile(`${to}/${file}`), await Deno.readFile(`${folder}/${file}`));
      }
      await expectSameByTurns(n, name, both, drop);
    });
  });
}

Deno.test("what a checkpoint's own lists leave out comes first, in any of their forms, and is gone for transformers", () =>
  withTiny(async ({ model, folder }) => {
    await changeConfig(folder, { drop_attn_list: [false, false, true], drop_mlp_list: null });
    await withSmaller(folder, { attention: [0], mlp: [2] }, "llm-drop", async (both) => {
      const written = JSON.parse(await Deno.readTextFile(`${both.exported.folder}/config.json`));
      assert.deepEqual([written.drop_attn_list, written.drop_mlp_list], [[2, 0], [2]]);
      await withSmaller(both.exported.folder, { attention: [], mlp: [] }, "hf", async (again) => {
        assert.equal(again.smaller.spec.layers.length, 2);
        assert.ok(!("drop_attn_list" in again.smaller.config));
        await expectSame("llama", { ...again, original: model }, { attention: [2, 0], mlp: [2] });
      });
    });
  }));

Deno.test("the card says what was dropped, from which plan on which text, and what was added to it", () =>
  withTiny(async ({ model, folder, options }) => {
    const { hash } = (await profile(model, options)).provenance.text;
    const plan = makePlan(await profile(model, options), { target: "mlp", drop: 1 });
    const added = { ...plan, attention: [1] };
    await exportModel(model, added, { format: "hf", out: `${folder}/out` });
    const card = await Deno.readTextFile(`${folder}/out/README.md`);
    assert.match(card, /A plan chose modules of kind `mlp` by `importance`, on the text /);
    assert.ok(card.includes(hash));
    assert.ok(
      card.includes(`\nDropped, by layer from 0: attention 1; MLP ${plan.mlp[0]}. 3 of 3 layers keep`),
    );
    assert.match(card, /Not from the plan: attention 1\./);
    assert.match(card, /: 4 × 16 tokens; computed/);
    const files = ["README.md", "config.json", "model.safetensors", "tokenizer.json"];
    assert.deepEqual(namesIn(`${folder}/out`), files);
  }));

Deno.test("the card tells what it costs: what is kept of this plan on this model, and what is measured", () =>
  withTiny(async ({ model, folder, options }) => {
    const drop = { attention: [], mlp: [1] };
    const [full, dropped] = await perplexities(model, [{}, drop], options);
    await perplexities(model, [{ attention: [0] }], options); // another plan
    const { results } = options;
    const card = async (out: string, more = {}) => {
      await exportModel(model, drop, { format: "hf", out: `${folder}/${out}`, ...more });
      return await Deno.readTextFile(`${folder}/${out}/README.md`);
    };
    assert.match(await card("without"), /What it costs in quality was not measured\./);
    const told = (await card("kept", { results })).match(/^\| `file`, .*$/gm)!;
    assert.equal(told.length, 1);
    const numbers = [full.perplexity, dropped.perplexity].map((value) => formatDigits(value, 4));
    assert.ok(told[0].startsWith("| `file`, 4 × 16 tokens, `float32` on `cpu` |"), told[0]);
    assert.ok(told[0].includes(`| ${numbers.join(" → ")} |`), told[0]);
    assert.ok(told[0].includes(` | ${formatNumber(dropped.kl)} (`), told[0]);
    const asked = { engine: "cpu", text: options.text!, samples: 3, length: 16 } as const;
    const certificate = await certify(model, drop, asked);
    const [known] = (await card("certified", { results, card: [certificate] })).match(/^\| `file`, .*$/gm)!;
    assert.ok(known.startsWith("| `file`, 3 × 16 tokens"), "a certificate has quantiles");
    assert.ok(known.includes(` | ${formatNumber(certificate.quantiles[4])} | `), known);
    await certify(model, drop, { ...asked, results });
    assert.match(await card("found", { results }), /^\| `file`, 3 × 16 tokens/m);
    const wrong = { card: [await certify(model, { mlp: [0] }, asked)] };
    await assert.rejects(card("wrong", wrong), /the certificate is of MLP 0, expected MLP 1/);
    await Deno.writeTextFile(`${folder}/long.txt`, Array(8).fill(tinyText).join(" "));
    const both = await card("measured", { results, measure: `${folder}/long.txt` });
    assert.match(both, /\| `file`, 8 × 512 tokens, .*\n\| `file`, 3 × 16 .*\n\| `file`, 4 × 16 tokens/);
  }));

Deno.test("what cannot be exported is refused by name, and nothing is written; ended early or failing, it leaves nothing", () =>
  withFolder(async (folder) => {
    const { folder: from } = await fixture("llama");
    const all = [0, 1, 2];
    await Deno.mkdir(`${folder}/there`);
    type Given = readonly [drop: Parameters<typeof exportModel>[1], out?: string, signal?: AbortSignal];
    const write = ([drop, out = `${folder}/out`, signal]: Given) =>
      exportModel(from, drop, { format: "hf", out, ...signal && { signal } });
    await refuses("Cannot ", write, [
      [[{}], "nothing is dropped"],
      [[{ attention: all, mlp: all }], "all its modules are dropped"],
      [[{ attention: [3] }], "Cannot drop attention 3: expected a layer from 0 to 2"],
      [[drop, `${folder}/there`], /Cannot write .*there: found a folder there, expected nothing/, "Error"],
      [[drop, `${from}/config.json/out`], "Cannot write", "Error"],
    ]);
    const ended = AbortSignal.abort(new Error("enough"));
    await assert.rejects(write([drop, `${folder}/deep/out`, ended]), /enough/);
    assert.deepEqual([namesIn(folder), namesIn(`${folder}/deep`)], [["deep", "there"], []]);
  }));

Deno.test("lamina export: files on stdout, what to know on stderr; wrong uses", () =>
  withDesk(async ({ folder, run }) => {
    const out = `${folder}/out`;
    const ran = await run("export", folder, "--drop-attention", "1", "--format", "hf", "--out", out);
    assert.equal(ran.code, 0, ran.err);
    assert.match(ran.out, /^config\.json +\d+ bytes\n.*\nmodel\.safetensors/);
    assert.match(ran.err, /attention 1: stored with an output projection of zeros/);
    assert.match(ran.err, /as large as with every module; formats that leave .*: onnx/);
    assert.match(ran.err, /export of .*: done in .*, written to /);
    const again = await run("export", folder, "--drop-block", "1", "--format", "llm-drop", "--out", out);
    assert.deepEqual([again.code, again.out], [1, ""]);
    assert.match(again.err, /found a folder there, expected nothing/);
    assert.equal((await run("export", folder, "--drop-block", "1", "--format", "hff", "--out", out)).code, 2);
    assert.equal((await run("export", folder, "--drop-block", "1", "--format", "hf")).code, 2);
  }));
