/** `lamina verify` as a person runs it: on a model of the paper's depth in the real one's place. */
import assert from "node:assert/strict";
import { openModel } from "../../src/hub/mod.ts";
import { readResult } from "../../src/result/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { openSafetensors, writeSafetensors } from "../../src/weights/mod.ts";
import { closedPort } from "../hub/fake_hub.ts";
import { kept } from "../study/tiny.ts";
import { expectFailures, withDesk, withVariables } from "./cli.ts";

/** The model's layers over and over, as many as the paper's model has. */
async function deepen(folder: string, deep: string, layers: number): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
  const files = await openModel(folder);
  const weights = await openSafetensors(files);
  const tensors = new Map<string, Tensor>();
  for (const name of weights.tensors.keys()) {
    const tensor = await weights.read(name);
    const [, layer] = /layers\.(\d+)\./.exec(name) ?? [];
    if (layer === undefined) tensors.set(name, tensor);
    else {
      for (let l = Number(layer); l < layers; l += config.num_hidden_layers) {
        tensors.set(name.replace(/layers\.\d+\./, `layers.${l}.`), tensor);
      }
    }
  }
  await Deno.mkdir(deep);
  await writeSafetensors(`${deep}/model.safetensors`, tensors);
  weights.close();
  files.close();
  await Deno.writeTextFile(`${deep}/config.json`, JSON.stringify({ ...config, num_hidden_layers: layers }));
  await Deno.copyFile(`${folder}/tokenizer.json`, `${deep}/tokenizer.json`);
}

Deno.test("verify: the orders beside the official ones as a table, JSON and CSV; shards are kept; a dry run needs no model", () =>
  withDesk(async ({ folder, options, run }) => {
    await deepen(folder, `${folder}/deep`, 32);
    const [json, csv] = [`${folder}/verify.json`, `${folder}/verify.csv`];
    const wanted = ["verify", "mistral-7b", "--model", `${folder}/deep`, "--text", options.text!];
    const size = ["--samples", "9", "--length", "16"];
    const first = await run(...wanted, ...size, "--json", json, "--csv", csv);
    assert.equal(first.code, 0, first.err);
    assert.match(
      first.out,
      /^drop orders of mistral-7b compared with the official code's · deep \(safetensors\s+F32\)/,
    );
    assert.match(first.out, /^ +rank corr\. +first 1 +first 2 +first 4 +first 8$/m);
    assert.match(first.out, /^attention +−?[01]\.\d{3} +[01] of 1 .* [0-8] of 8$/m);
    assert.match(first.out, /^ +1 +\d+[~ ] +25 +\d+[~ ] +26 +\d+[~ ] +26$/m);
    const result = await readResult(json, "verify");
    assert.deepEqual(result.mlp.official, [26, 27, 25, 24, 23, 22, 29, 28]);
    assert.deepEqual(result.mlp.order.toSorted((a, b) => a - b), Array.from({ length: 32 }, (_, l) => l));
    const lines = (await Deno.readTextFile(csv)).trim().split("\n");
    assert.equal(lines.length, 1 + 3 * 8);
    assert.equal(kept(options.results).length, 2);
    const again = await run(...wanted, ...size);
    assert.equal(again.out, first.out);
    assert.match(again.err, /^verify mistral-7b: 2 of 2 shards reused from an earlier run$/m);

    const dry = await run("verify", "llama-2-13b", "--dry-run");
    assert.match(dry.out, /^llama-2-13b:\n524288 tokens, 1 plan, 2560 modules to run/);
    const help = await run("verify", "--help");
    assert.match(help.out, /never on the\s+real ones/);
    const unreachable = /^lamina: Cannot open \S+: http:\S+ cannot be reached .*expected the hub .*\n$/m;
    const offline = { HF_ENDPOINT: closedPort(), LAMINA_CACHE: `${folder}/cache` };
    await withVariables(offline, () => expectFailures(run, [[1, ["verify", "mistral-7b"], unreachable]]));
    await expectFailures(run, [
      [1, ["verify", "llama-2-13b", "--model", `${folder}/deep`], /it has 32 layers, expected 40/],
      [2, ["verify", "mixtral"], /Allowed choices are mistral-7b, llama-2-13b/],
      [2, ["verify"], /missing required argument 'paper'/],
    ]);
  }));
