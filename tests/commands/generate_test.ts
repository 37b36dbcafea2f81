/** `lamina generate` and `speed` as a person runs them: texts, tables, JSON, CSV. */
import assert from "node:assert/strict";
import { generate, roofline } from "../../src/study/mod.ts";
import { readResult } from "../../src/result/mod.ts";
import { words } from "../tools.ts";
import { CLI, root, withDesk } from "./cli.ts";

const prompt = "the quick";

Deno.test("each text stands under its heading behind the prompt; JSON holds the very texts", () =>
  withDesk(async ({ model, folder, run }) => {
    const args = ["generate", folder, "--prompt", prompt, "--tokens", "6"];
    const [full, dropped] = await generate(model, [{}, { mlp: [1] }], prompt, { tokens: 6 });
    assert.notEqual(full.text, dropped.text);
    const json = `${folder}/texts.json`;
    const [alone, both, piped] = await Promise.all([
      run(...args),
      run(...args, "--drop-mlp", "1", "--json", json),
      run(...args, "--drop-mlp", "1", "--json", "-"),
    ]);
    assert.deepEqual([alone.code, alone.err], [0, ""]);
    assert.equal(alone.out, `— full model —\n${prompt}${full.text}\n`);
    assert.equal(
      both.out,
      `— full model —\n${prompt}${full.text}\n\n— without MLP 1 —\n${prompt}${dropped.text}\n`,
    );
    const written = JSON.parse(await Deno.readTextFile(json));
    assert.deepEqual(JSON.parse(piped.out), written);
    assert.deepEqual([written.kind, written.prompt], ["generate", prompt]);
    assert.deepEqual(written.texts, JSON.parse(JSON.stringify([full, dropped])));
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    await Deno.writeTextFile(
      `${folder}/config.json`,
      JSON.stringify({ ...config, eos_token_id: full.ids[0] }),
    );
    assert.equal((await run(...args)).out, `— full model —\n${prompt}\n`, "a text that ends at once");
  }));

Deno.test("a prompt and lists may come from files, and from standard input", () =>
  withDesk(async ({ folder, ok, run }) => {
    await Deno.writeTextFile(`${folder}/prompt.txt`, `${prompt}\n`);
    await Deno.writeTextFile(`${folder}/layers.txt`, "0\n1\n");
    const args = ["generate", folder, "--tokens", "2"];
    const typed = await ok(...args, "--prompt", prompt, "--drop-attention", "0,1");
    const [prompted, missing] = await Promise.all([
      run(...args, "--prompt", `@${folder}/prompt.txt`, "--drop-attention", `@${folder}/layers.txt`),
      run(...args, "--prompt", `@${folder}/none.txt`),
    ]);
    assert.equal(prompted.out, typed.out);
    assert.equal(missing.code, 2);
    assert.match(missing.err, /'--prompt <text>' argument '@.*' is invalid\. cannot read .*none\.txt: /);
    const child = new Deno.Command(Deno.execPath(), {
      args: [...CLI, ...args, "--prompt", "-", "--drop-attention", "0,1"],
      cwd: root,
      env: { CUDA_VISIBLE_DEVICES: "", NO_COLOR: "1", LANG: "C.UTF-8" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(prompt));
    await writer.close();
    assert.equal(new TextDecoder().decode((await child.output()).stdout), typed.out);
  }));

Deno.test("a device's bound needs no weights: a table beside the paper's numbers, JSON, CSV", () =>
  withDesk(async ({ folder, run }) => {
    const [json, csv] = [`${folder}/roofline.json`, `${folder}/roofline.csv`];
    const { code, out, err } = await run(...words`speed llama-2-70b --device a6000-ada --bits 4 --json ${json}
      --csv ${csv}`);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^llama-2-70b on NVIDIA RTX 6000 Ada \(960 GB\/s, 364 TFLOP\/s, 48 GiB\) · 4 bit/);
    assert.match(out, /40 attention +1\.48 +with its own larger batch/);
    const expected = await roofline("llama-2-70b", { device: "a6000-ada", bits: 4 });
    assert.deepEqual(await readResult(json, "roofline"), JSON.parse(JSON.stringify(expected)));
    assert.equal((await Deno.readTextFile(csv)).trim().split("\n").length, 1 + 4);
  }));

Deno.test("a configuration of one's own, batches and drops", () =>
  withDesk(async ({ folder, run }) => {
    const { out } = await run(...words`speed ${folder} --device h100 --batch 1,8 --context 16 --new 4
      --drop-attention 1 --drop-mlp 0`);
    assert.match(out, /1 attention, 1 MLP +1 .*\n1 attention, 1 MLP +8 /);
    assert.doesNotMatch(out, /paper/);
  }));

Deno.test("the model itself, measured: tables, JSON, CSV", () =>
  withDesk(async ({ folder, ok }) => {
    const [json, csv, results] = [`${folder}/speed.json`, `${folder}/speed.csv`, `${folder}/kept`];
    const args = ["speed", folder, "--drop-attention", "1", "--batch", "1,2", "--context", "8", "--new", "2"];
    await ok(...words`${args} --repeat 2 --engine cpu --json ${json} --csv ${csv}
      --results ${results}`);
    const { points, plans } = await readResult(json, "speed");
    assert.deepEqual(points.map(({ batch, context }) => [batch, context]), [[1, 8], [2, 8]]);
    assert.deepEqual(plans.map(({ drop }) => drop.attention), [[], [1]]);
    assert.equal((await Deno.readTextFile(csv)).trim().split("\n").length, 1 + 4);
    const [kept] = [...Deno.readDirSync(results)];
    assert.match(kept.name, /^speed-.*\.json$/);
    assert.deepEqual(await readResult(`${results}/${kept.name}`, "speed"), await readResult(json, "speed"));
  }));
