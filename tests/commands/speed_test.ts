/** `lamina speed` as a person runs it. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { roofline } from "../../src/study/mod.ts";
import { expectFailures, withDesk } from "./cli.ts";
import { words } from "../words.ts";

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

Deno.test("the model itself, measured: tables, JSON, CSV, what would run", () =>
  withDesk(async ({ folder, ok, run }) => {
    const [json, csv, results] = [`${folder}/speed.json`, `${folder}/speed.csv`, `${folder}/kept`];
    const args = ["speed", folder, "--drop-attention", "1", "--batch", "1,2", "--context", "8", "--new", "2"];
    const dry = await run(...args, "--repeat", "2", "--dry-run");
    assert.match(dry.out, /\n2 models, 8 prefills and 32 steps, about .* of memory\n$/);
    const { out } = await ok(...words`${args} --repeat 2 --engine cpu --json ${json} --csv ${csv}
      --results ${results}`);
    assert.match(out, /^speed of .* · float32, cpu · 2 rounds of 2\s+tokens\n/);
    assert.match(out, /1 attention +2 +8 /);
    const { points, plans } = await readResult(json, "speed");
    assert.deepEqual(points.map(({ batch, context }) => [batch, context]), [[1, 8], [2, 8]]);
    assert.deepEqual(plans.map(({ drop }) => drop.attention), [[], [1]]);
    assert.equal((await Deno.readTextFile(csv)).trim().split("\n").length, 1 + 4);
    const [kept] = [...Deno.readDirSync(results)];
    assert.match(kept.name, /^speed-.*\.json$/);
    assert.deepEqual(await readResult(`${results}/${kept.name}`, "speed"), await readResult(json, "speed"));
  }));

Deno.test("wrong use ends with 2, a failure with 1, and each says what was expected", () =>
  withDesk(async ({ folder, run }) => {
    await expectFailures(run, [
      [1, ["speed", folder, "--batch", "max"], /--batch max needs --device/],
      [1, ["speed", folder, "--drop-attention", "9"], /Cannot drop attention 9/],
      [1, ["speed", "llama-2-7b", "--device", "a100", "--context", "1,2"], /at contexts 1,2: expected one/],
      [2, words`speed llama-2-7b --device a6000`, /Allowed choices are rtx-a6000, a6000-ada, a100, h100/],
      [2, ["speed", "llama-2-7b", "--device", "a100", "--bits", "8"], /expected 16 or 4/],
      [2, ["speed", folder, "--accepted", "0.9"], /found --accepted without --device, expected both/],
      ...["1.1", "-1", "x", ",", "NaN"].map((shares): [number, string[], RegExp] => [
        2,
        ["speed", "llama-2-7b", "--device", "a100", `--accepted=${shares}`],
        /expected a share from 0 to 1/,
      ]),
      [2, words`speed llama-2-7b --device a100 --batch 0`, /expected a whole number of at least 1/],
      [1, ["speed", "llama-2-7b", "--device", "a100", "--drop-attention", "32"], /Cannot drop attention 32/],
      [1, ["speed", "llama-9", "--device", "a100"], /Cannot open llama-9/],
    ]);
  }));
