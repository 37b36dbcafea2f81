/** `lamina repair`, and the commands that take what it writes. */
import assert from "node:assert/strict";
import { readPlan } from "../../src/study/mod.ts";
import { withTiny } from "../study/tiny.ts";
import { fails, lamina, ok } from "./cli.ts";
import { words } from "../tools.ts";

Deno.test("a repaired plan is written, measured whole and in shards, and exported", () =>
  withTiny(async ({ folder }) => {
    const text = ["--text", `${folder}/text.txt`, "--length", "16", "--engine", "cpu"];
    const [profile, plan, repaired] = ["profile", "plan", "repaired"].map((name) => `${folder}/${name}.json`);
    await ok("profile", folder, ...text, "--samples", "2", "--json", profile);
    await ok("plan", profile, "--target", "attention", "--drop", "2", "--json", plan);
    const repair = ["repair", folder, ...text, "--samples", "4", "--plan", plan, "--json", repaired];
    const dry = await ok(...repair, "--dry-run");
    assert.match(dry.out, /64 tokens, 1 plan, 14 modules/);
    assert.equal(JSON.parse(await Deno.readTextFile(repaired)).kind, "estimate");
    await assert.rejects(readPlan(repaired), /kind is "estimate", expected plan or fit/);
    const { out, err } = await ok(...repair, "--results", `${folder}/kept`);
    assert.match(out, /repaired by mean · 4 × 16 tokens of a text file\nmodule +layer\nattention +\d\n/);
    assert.match(
      out,
      /on the sample held out of the fits\nmodel +nats\/token +rise, nats\/token\nfull .*\ndropped .*\nrepaired .*\nthe repair saves [\d.]+ nats per token/,
    );
    const csv = (await ok(...repair, "--results", `${folder}/kept`, "--csv", `${folder}/fits.csv`)).err;
    assert.match(csv, /2 fits reused from an earlier run/);
    assert.equal((await Deno.readTextFile(`${folder}/fits.csv`)).trim().split("\n").length, 1 + 2);
    assert.match(out, /attention \d \d \(mean\)/);
    assert.match(err, /repair of .*: done in .*, written to .*repaired\.json/);
    assert.equal((await readPlan(repaired)).changes!.length, 2);

    const blocks = ["--text", "README.md", "--length", "512", "--samples", "8"]; // two batches
    const perplexity = ["perplexity", folder, ...blocks, "--engine", "cpu", "--plan", repaired];
    const whole = await ok(...perplexity, "--json", `${folder}/whole.json`);
    assert.match(whole.out, /attention \d \d \(mean\)/);
    const shards = `${folder}/shards.json`;
    await Deno.writeTextFile(shards, (await ok("shards", "--parts", "2", "--", ...perplexity)).out);
    for (const index of ["0", "1"]) {
      await ok("shard", shards, "--index", index, "--results", `${folder}/kept`);
    }
    await ok("merge", shards, "--results", `${folder}/kept`, "--json", `${folder}/merged.json`);
    const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${folder}/${name}.json`));
    assert.deepEqual(await read("merged"), await read("whole"));

    const caused = await ok("causes", folder, ...text, "--samples", "2", "--plan", repaired);
    assert.match(caused.out, /attention \d \d \(mean\)/);
    const generated = await ok("generate", folder, "--prompt", "the", "--tokens", "2", "--plan", repaired);
    assert.match(generated.out, /— with attention \d \d \(mean\) —/);
    await ok("export", folder, "--plan", repaired, "--format", "onnx", "--out", `${folder}/onnx`);
  }));

Deno.test("repair needs a file to write to", () =>
  withTiny(async ({ folder }) => {
    await Deno.mkdir(`${folder}/b.safetensors`);
    const places: Record<string, RegExp> = {
      "/dev/null": /null: found a device or a pipe/,
      [`${folder}/b.json`]: /b\.safetensors: found a folder/,
      [`${folder}/config.json/a.json`]: /a\.json: .*config\.json is a file, expected a folder/,
      [`${folder}/other/model.json`]: /model\.safetensors: the file there holds tensor/,
    };
    await Deno.mkdir(`${folder}/other`);
    await Deno.copyFile(`${folder}/model.safetensors`, `${folder}/other/model.safetensors`);
    for (const [json, message] of Object.entries(places)) { // before the plan is read
      await fails(1, message, "repair", folder, "--plan", "none.json", "--json", json);
    }
    for (const json of ["-", ""]) {
      const line = words`repair ${folder} --plan plan.json --json ${json}`;
      await fails(2, /expected a file, since the tensors lie beside it/, ...line);
    }
    const estimate = ["repair", folder, "--plan", "none.json", "--dry-run", "--json"];
    for (const json of ["-", `${folder}/other/model.json`]) { // an estimate has no tensors
      assert.match((await lamina(...estimate, json)).err, /Cannot read none\.json/, json);
    }
  }));

Deno.test("shards of a repair make the plan and the tensors that one machine makes; one in sequence is not divided", () =>
  withTiny(async ({ folder }) => {
    const text = ["--text", `${folder}/text.txt`, "--length", "16", "--samples", "9", "--engine", "cpu"];
    const [profile, plan, whole, merged, shards] = ["profile", "plan", "whole", "merged", "shards"]
      .map((name) => `${folder}/${name}.json`);
    await ok("profile", folder, ...text, "--json", profile);
    await ok("plan", profile, "--target", "attention", "--drop", "2", "--json", plan);
    const repair = ["repair", folder, ...text, "--plan", plan, "--by", "linear"];
    await ok(...repair, "--no-cache", "--json", whole);
    await Deno.writeTextFile(shards, (await ok("shards", "--parts", "2", "--", ...repair)).out);
    for (const index of ["0", "1", "2"]) {
      await ok("shard", shards, "--index", index, "--results", `${folder}/kept`);
    }
    await ok("merge", shards, "--results", `${folder}/kept`, "--json", merged);
    for (const kind of ["json", "safetensors"]) {
      const [one, other] = [whole, merged].map((path) => Deno.readFileSync(path.replace(/json$/, kind)));
      assert.deepEqual(one, other);
    }
    const line = words`shards --parts 2 -- ${repair} --sequential`;
    await fails(1, /Cannot divide repair of .*: run it on one machine/, ...line);
  }));
