/** `lamina repair`, and the commands that take what it writes. */
import assert from "node:assert/strict";
import { makePlan } from "features/orders/mod.ts";
import { profile } from "features/profile/mod.ts";
import { readPlan, writePlan } from "core/study/plan_file.ts";
import { type Desk, expectFailures, withDesk } from "../../core/command/cli.ts";
import { words } from "../../tools.ts";

/** A model, the files of its plan and of what is written, and the beginning of a line that repairs it. */
const withPlan = (
  use: (desk: Desk, at: (name: string) => string, repair: readonly string[]) => Promise<void>,
) =>
  withDesk(async (desk) => {
    const { folder, model, options: { results: _, ...options } } = desk;
    const at = (name: string) => `${folder}/${name}.json`;
    await writePlan(at("plan"), makePlan(await profile(model, options), { target: "attention", drop: 2 }));
    const text = words`--text ${options.text!} --length 16 --engine cpu`;
    await use(desk, at, words`repair ${folder} ${text} --plan ${at("plan")}`);
  });

/** Divides a command in two, computes all its shards and merges them into a file. */
async function inShards({ ok, folder }: Desk, line: readonly string[], merged: string): Promise<void> {
  const [plan, results] = [`${folder}/shards.json`, ["--results", `${folder}/parts`]];
  await Deno.writeTextFile(plan, (await ok("shards", "--parts", "2", "--", ...line)).out);
  for (const { index } of JSON.parse(await Deno.readTextFile(plan)).shards) {
    await ok("shard", plan, "--index", `${index}`, ...results);
  }
  await ok("merge", plan, ...results, "--json", merged);
}

Deno.test("a repaired plan is written, measured whole and in shards, and exported", () =>
  withPlan(async (desk, at, line) => {
    const { folder, ok, options: { results } } = desk;
    const [repair, csv] = [[...line, "--samples", "4", "--json", at("repaired")], `${folder}/fits.csv`];
    assert.match((await ok(...repair, "--dry-run")).out, /64 tokens, 1 plan, 14 modules/);
    assert.equal(JSON.parse(await Deno.readTextFile(at("repaired"))).kind, "estimate");
    await assert.rejects(readPlan(at("repaired")), /kind is "estimate", expected plan or fit/);
    const { out, err } = await ok(...repair, "--results", results);
    assert.match(out, /repaired by mean · 4 × 16 tokens of a text file\nmodule +layer\nattention +\d\n/);
    assert.match(
      out,
      /on the sample held out of the fits\nmodel +nats\/token +rise, nats\/token\nfull .*\ndropped .*\nrepaired .*\nthe repair saves [\d.]+ nats per token/,
    );
    assert.match((await ok(...repair, "--results", results, "--csv", csv)).err, /5 results reused/);
    assert.equal((await Deno.readTextFile(csv)).trim().split("\n").length, 1 + 2);
    assert.match(err, /repair of .*: done in .*, written to .*repaired\.json/);
    assert.equal((await readPlan(at("repaired"))).changes!.length, 2);

    const blocks = words`--text docs/log.md --length 512 --samples 8`; // two batches
    const perplexity = words`perplexity ${folder} ${blocks} --engine cpu --plan ${at("repaired")}`;
    const whole = await ok(...perplexity, "--json", at("whole"));
    await inShards(desk, perplexity, at("merged"));
    assert.equal(await Deno.readTextFile(at("merged")), await Deno.readTextFile(at("whole")));
    const caused = await ok(...words`causes ${folder} ${desk.text} --plan ${at("repaired")}`);
    for (const shown of [out, whole.out, caused.out]) assert.match(shown, /attention \d \d \(mean\)/);
    const written = words`generate ${folder} --prompt the --tokens 2 --plan ${at("repaired")}`;
    assert.match((await ok(...written)).out, /— with attention \d \d \(mean\) —/);
    await ok(...words`export ${folder} --plan ${at("repaired")} --format onnx --out ${folder}/onnx`);
  }));

Deno.test("repair needs a file to write to, which is looked at before the plan is read", () =>
  withDesk(async ({ folder, run }) => {
    await Deno.mkdir(`${folder}/b.safetensors`);
    await Deno.mkdir(`${folder}/other`);
    await Deno.copyFile(`${folder}/model.safetensors`, `${folder}/other/model.safetensors`);
    const repair = words`repair ${folder} --plan none.json --json`;
    await expectFailures(run, [
      [1, [...repair, "/dev/null"], /null: found a device or a pipe/],
      [1, [...repair, `${folder}/b.json`], /b\.safetensors: found a folder/],
      [
        1,
        [...repair, `${folder}/config.json/a.json`],
        /a\.json: .*config\.json is a file, expected a folder/,
      ],
      [1, [...repair, `${folder}/other/model.json`], /model\.safetensors: the file there holds tensor/],
      [2, [...repair, "-"], /expected a file, since the tensors lie beside it/],
      [2, [...repair, ""], /expected a file, since the tensors lie beside it/],
      // An estimate has no tensors.
      [1, [...repair, "-", "--dry-run"], /Cannot read none\.json/],
      [1, [...repair, `${folder}/other/model.json`, "--dry-run"], /Cannot read none\.json/],
    ]);
  }));

Deno.test("shards of a repair make the plan and the tensors that one machine makes; one in sequence is not divided", () =>
  withPlan(async (desk, at, line) => {
    const repair = [...line, "--samples", "9", "--by", "linear"];
    await desk.ok(...repair, "--no-cache", "--json", at("whole"));
    await inShards(desk, repair, at("merged"));
    for (const kind of ["json", "safetensors"]) {
      const [one, other] = ["whole", "merged"].map((name) =>
        Deno.readFileSync(at(name).replace(/json$/, kind))
      );
      assert.deepEqual(one, other);
    }
    const sequential = words`shards --parts 2 -- ${repair} --sequential`;
    await desk.fails(1, /Cannot divide repair of .*: run it on one machine/, ...sequential);
  }));
