/** What `lamina start` measures and writes, on tiny models: fewer modules than it drops, and two models of one name. */
import assert from "node:assert/strict";
import { mainJob } from "../../src/commands/start.ts";
import { readResult } from "../../src/result/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { withFolder } from "../support.ts";
import { kept, withTiny } from "../study/tiny.ts";

/** A context that keeps what it is told. */
function listening() {
  const printed: string[] = [];
  return { printed, look: {}, print: (text: string) => printed.push(text) };
}

/** The results that are not kept by a study itself. */
const written = (folder: string) => kept(folder).filter((name) => /^(plan|sweep)-/.test(name));

Deno.test("three layers: at most all modules of a kind are dropped", () =>
  withTiny(async ({ model, options }) => {
    const context = listening();
    const { importance, curves } = await mainJob(context, model, options);
    assert.equal(importance.provenance.model.layers, 3);
    for (const { points } of curves.curves) {
      assert.deepEqual(points.map(({ dropped }) => dropped), [0, 1, 2, 3]);
    }
    assert.match(context.printed.join("\n"), /drop 3 of attention/);
    assert.deepEqual(
      written(options.results).map((name) => name.replace(/-[^-]*$/, "").replace(model.name, "MODEL")),
      ["plan-MODEL-attention-3", "plan-MODEL-block-3", "plan-MODEL-mlp-3", "sweep-MODEL"],
    );
  }));

Deno.test("layers without a module: only those that are there are dropped, blocks too", () =>
  withTiny(async ({ folder, options }) => {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, drop_attn_list: [1] }));
    const model = await openModel(folder);
    const { curves } = await mainJob(listening(), model, options);
    model.close();
    const most = curves.curves.map(({ target, points }) => [target, points.at(-1)!.drop]);
    assert.deepEqual(most.slice(0, 3), [
      ["attention", { attention: [0, 2], mlp: [] }],
      ["mlp", { attention: [], mlp: [0, 1, 2] }],
      ["block", { attention: [0, 2], mlp: [0, 1, 2] }],
    ]);
  }));

Deno.test("two models of one name: neither's results take the place of the other's", () =>
  withFolder(async (root) => {
    const results = `${root}/results`;
    const plans: string[] = [];
    for (const family of ["llama", "qwen3"]) {
      await withTiny(async ({ folder, options }) => {
        const copy = `${root}/${family}/tiny`;
        await Deno.mkdir(copy, { recursive: true });
        for (const file of ["config.json", "model.safetensors", "tokenizer.json"]) {
          await Deno.copyFile(`${folder}/${file}`, `${copy}/${file}`);
        }
        const model = await openModel(copy);
        assert.equal(model.name, "tiny");
        await mainJob(listening(), model, { ...options, results });
        const added = written(results).filter((name) => !plans.includes(name));
        assert.equal(added.length, 4, added.join());
        for (const name of added.filter((name) => name.startsWith("plan-"))) {
          const { provenance } = await readResult(`${results}/${name}`, "plan");
          assert.equal(provenance!.model.fingerprint, model.identity.fingerprint);
        }
        plans.push(...added);
        model.close();
      }, family);
    }
    assert.deepEqual(written(results), plans.sort());
  }));
