/** `lamina generate` and `speed` of a model, as a person runs them. */
import assert from "node:assert/strict";
import { generate } from "features/generate/mod.ts";
import { readResult } from "features/by_name.ts";
import { changeConfig } from "../../support.ts";
import { words } from "../../tools.ts";
import { CLI, root, withDesk } from "../../core/command/cli.ts";

const prompt = "the quick";

Deno.test("each text stands under its heading behind the prompt; JSON holds the very texts, CSV a row of each", () =>
  withDesk(async ({ model, folder, run }) => {
    const args = ["generate", folder, "--prompt", prompt, "--tokens", "6"];
    const [full, dropped] = await generate(model, [{}, { mlp: [1] }], prompt, { tokens: 6 });
    assert.notEqual(full.text, dropped.text);
    const [alone, both, json, csv] = await Promise.all([
      run(...args),
      ...["texts.json", "-"].map((file) =>
        run(...args, "--drop-mlp", "1", "--json", file === "-" ? file : `${folder}/${file}`)
      ),
      run(...args, "--drop-mlp", "1", "--csv", "-"),
    ]);
    const first = `— full model —\n${prompt}${full.text}\n`;
    assert.deepEqual(alone, { code: 0, err: "", out: first });
    assert.equal(both.out, `${first}\n— without MLP 1 —\n${prompt}${dropped.text}\n`);
    const written = JSON.parse(await Deno.readTextFile(`${folder}/texts.json`));
    assert.deepEqual(JSON.parse(json.out), written);
    assert.deepEqual([written.kind, written.prompt], ["generate", prompt]);
    assert.deepEqual(written.texts, JSON.parse(JSON.stringify([full, dropped])));
    assert.equal(csv.out.trimEnd().split("\n").length, 1 + 2);
    await changeConfig(folder, { eos_token_id: full.ids[0] });
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
      ...{ cwd: root, env: { CUDA_VISIBLE_DEVICES: "", NO_COLOR: "1", LANG: "C.UTF-8" } },
      ...{ stdin: "piped", stdout: "piped" },
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(prompt));
    await writer.close();
    assert.equal(new TextDecoder().decode((await child.output()).stdout), typed.out);
  }));

Deno.test("speed of the model itself: JSON and CSV of each setting and plan, and the result is kept", () =>
  withDesk(async ({ folder, ok }) => {
    const [json, csv, results] = [`${folder}/speed.json`, `${folder}/speed.csv`, `${folder}/kept`];
    await ok(
      ...words`speed ${folder} --drop-attention 1 --batch 1,2 --context 8 --new 2 --repeat 2 --engine cpu
      --json ${json} --csv ${csv} --results ${results}`,
    );
    const { points, plans } = await readResult(json, "speed");
    assert.deepEqual(points.map(({ batch, context }) => [batch, context]), [[1, 8], [2, 8]]);
    assert.deepEqual(plans.map(({ drop }) => drop.attention), [[], [1]]);
    assert.equal((await Deno.readTextFile(csv)).trim().split("\n").length, 1 + 4);
    const [kept] = [...Deno.readDirSync(results)];
    assert.match(kept.name, /^speed-.*\.json$/);
    assert.deepEqual(await readResult(`${results}/${kept.name}`, "speed"), await readResult(json, "speed"));
  }));
