/** A text is a file, a pipe or a name; what it is read from changes nothing. JSON files may begin with a byte order mark. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { merge } from "core/result/mod.ts";
import { checkpointMapFigure, checkpoints } from "features/training/mod.ts";
import { causes } from "features/causes/mod.ts";
import { generate } from "features/generate/mod.ts";
import { losses } from "features/observe/mod.ts";
import { order } from "features/orders/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { randomInit } from "features/untrained/mod.ts";
import { speed } from "features/speed/mod.ts";
import { openConfig, openModel, openSeries, packText, zipfText } from "core/subject/mod.ts";
import { tinyText, withTiny } from "../study/tiny.ts";
import { heard, near, refuses } from "../../support.ts";
import { printed } from "../../tools.ts";

const packing = { samples: 4, length: 16, skip: 1, bos: false };

Deno.test("a pipe is read like a file, and a large file no further than is needed", () =>
  withTiny(async ({ model, folder }) => {
    const known = await packText(model, { ...packing, text: join(folder, "text.txt") });
    const pipe = join(folder, "pipe");
    await printed("mkfifo", [pipe]);
    const writing = Deno.writeTextFile(pipe, tinyText);
    assert.deepEqual(await packText(model, { ...packing, text: pipe }), known);
    await writing;

    const large = join(folder, "large.txt");
    await Deno.writeTextFile(large, tinyText);
    await Deno.truncate(large, 2 ** 32); // more than a text may have where it cannot be cut
    assert.deepEqual(await packText(model, { ...packing, text: large }), known);
  }));

Deno.test("what is no text, an empty one and one that is too short are named, with the tokens found and needed", () =>
  withTiny(async ({ model, folder }) => {
    const at = (name: string) => join(folder, name);
    for (const [name, text] of [["a.txt", ""], ["b.txt", "a b"], ["c.json", "[1, 2, 3]"]]) {
      await Deno.writeTextFile(at(name), text);
    }
    const blocks = "4 blocks of 16 tokens behind 1 that is skipped";
    await refuses("Cannot ", (text: string) => packText(model, { ...packing, text }), [
      [folder, `read text ${folder}: found a folder, expected a file of plain text or JSONL`, "Error"],
      [at("none"), /read text .*none: no such file, expected a file or one of stories/, "Error"],
      ["wikki", "text wikki: no such file (did you mean wiki?), expected", "Error"],
      ["openai/gsm8k", "c4; a data set or a page is saved to a file first", "Error"],
      ["", 'text is "", expected the name of a built-in text, or a file'],
      [at("a.txt"), RegExp(`pack ${blocks}: \\S+a.txt is empty, expected a text of 80 tokens`)],
      [at("b.txt"), RegExp(`${blocks}: \\S+b.txt has \\d tokens, enough for 0 of .* least 80: a`)],
      [at("c.json"), RegExp(`cut \\S+c.json into ${blocks}: found 3 token ids, expected at least 80`)],
    ]);
  }));

Deno.test("samples that are longer than the model was trained on bring one line, and what is measured says so", async () => {
  const series = await openSeries("data/series/pre-ln", { steps: [0, 4096] });
  const { notices, onNotice } = heard();
  const run = (length: number) => checkpoints(series, { text: "LICENSE", samples: 1, length, onNotice });
  const usual = await run(256);
  assert.deepEqual([notices, "trained" in usual.series[0].provenance.packing], [[], false]);
  const long = await run(257);
  assert.deepEqual(notices, [
    "samples of 257 tokens are longer than the 256 tokens of the model's training: quality may be lower than on shorter samples",
  ], "once, though there are two checkpoints");
  for (const { provenance } of long.series) assert.equal(provenance.packing.trained, 256);
  const setting = /1\s×\s257 tokens of a text file, longer than the 256 of its training/;
  assert.match(checkpointMapFigure(long).setting, setting);
  // Every study packs its text at one place: each of them has said it. So do texts that are written, timed or handed over as ids.
  using model = await series.checkpoints[1].open();
  const own = { text: "LICENSE", samples: 1, length: 300 };
  const [angular, timing] = [{ target: "attention", by: "angular", upto: 1 }, {
    context: [8, 256],
    new: 1,
    repeat: 1,
  }] as const;
  type Heard = { onNotice(line: string): void };
  const rows: [expected: RegExp | null, study: (heard: Heard) => Promise<unknown>][] = [
    [/^samples of 300 tokens/, (heard) => profile(model, { ...own, ...heard })],
    [/^samples of 300 tokens/, (heard) => perplexities(model, [{}], { ...own, ...heard })],
    [/^samples of 300 tokens/, (heard) => causes(model, { ...own, effectSamples: 0, ...heard })],
    [/^samples of 300 tokens/, (heard) => order(model, { ...own, ...angular, ...heard })],
    [/^samples of 257 tokens/, (heard) => losses(model, new Int32Array(257), heard)],
    [/^texts of 257 tokens/, (heard) => speed(model, [], { ...timing, ...heard })],
    [null, (heard) => speed(model, [], { ...timing, context: [255], ...heard })],
    [
      /^texts of \d+ tokens .* than on shorter texts$/,
      (heard) => generate(model, [{}, {}], "one ".repeat(255), { tokens: 2, ...heard }),
    ],
  ];
  for (const [expected, study] of rows) {
    const { notices, onNotice } = heard();
    await study({ onNotice });
    const said = notices.filter((line) => / are longer than the 256 tokens/.test(line));
    assert.equal(said.length, expected ? 1 : 0);
    if (expected) assert.match(said[0], expected);
  }
});

Deno.test("an untrained model has no length of training, and a shard of a long text keeps its whole's", async () => {
  const { notices, onNotice } = heard();
  const drawn = { samples: 1, length: 300, seeds: 1, onNotice };
  const { provenance } = await randomInit(await openConfig("data/series/pre-ln/step00512"), drawn);
  assert.deepEqual([notices, "trained" in provenance.packing], [[], false]);
  using model = await openModel("data/series/pre-ln/step00000");
  const part = (skip: number) => profile(model, { text: "LICENSE", samples: 1, length: 300, skip });
  const merged = merge([await part(0), await part(1)]);
  assert.deepEqual(merged.provenance.packing, { samples: 2, length: 300, skip: 0, bos: false, trained: 256 });
});

Deno.test("a model whose JSON files begin with a byte order mark opens", () =>
  withTiny(async ({ model, folder }) => {
    const mark = async (name: string, text?: string) => {
      const path = join(folder, name);
      await Deno.writeTextFile(path, `\ufeff${text ?? await Deno.readTextFile(path)}`);
    };
    const shard = "model-00001-of-00001.safetensors";
    const header = await Deno.readFile(join(folder, "model.safetensors"));
    const length = Number(new DataView(header.buffer).getBigUint64(0, true));
    const tensors = JSON.parse(new TextDecoder().decode(header.subarray(8, 8 + length)));
    const weight_map = Object.fromEntries(
      Object.keys(tensors).filter((name) => name !== "__metadata__").map((name) => [name, shard]),
    );
    await Deno.rename(join(folder, "model.safetensors"), join(folder, shard));
    await mark("model.safetensors.index.json", JSON.stringify({ weight_map }));
    await mark("config.json");
    await mark("tokenizer.json");
    await mark("tokenizer_config.json", JSON.stringify({ eos_token: "</s>" }));

    using opened = await openModel(folder);
    assert.deepEqual(opened.spec, model.spec);
    const { fingerprint, eos } = await opened.tokenizer();
    assert.deepEqual([fingerprint.length, eos], [64, 2]);
    assert.deepEqual((await openConfig(join(folder, "config.json"))).config, model.config);
  }));

Deno.test("Zipf's text: words of rank r come about 1/r as often as the first, and a longer text begins with a shorter", () => {
  const { blocks: { ids } } = zipfText(1000, { samples: 4, length: 5000 });
  assert.deepEqual(zipfText(1000, { samples: 1, length: 100 }).blocks.ids, ids.slice(0, 100));
  const harmonic = Array.from({ length: 1000 }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b);
  for (const rank of [1, 2, 5, 20]) {
    const expected = ids.length / harmonic / rank;
    near(ids.filter((id) => id === rank - 1).length, expected, 4 * Math.sqrt(expected), `${rank}`);
  }
  assert.ok(ids.every((id) => id >= 0 && id < 1000));
});
