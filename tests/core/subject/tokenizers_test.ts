/** A folder's tokenizer is found in whichever of the usual files it has; without one, tokens can be given. */
import assert from "node:assert/strict";
import { profile } from "features/profile/mod.ts";
import { openModel, packText } from "core/subject/mod.ts";
import { ok } from "../command/cli.ts";
import { words } from "../../tools.ts";
import { type Opened, tinyText, withTiny } from "../study/tiny.ts";
import { copyModel, refuses } from "../../support.ts";

const read = async (name: string) =>
  JSON.parse(await Deno.readTextFile(new URL(`../../fixtures/tokens/${name}.json`, import.meta.url)));

/** A tiny model's folder with other files in place of `tokenizer.json`. */
function withFiles(files: Record<string, string | Uint8Array>, use: (opened: Opened) => Promise<void>) {
  return withTiny(async (opened) => {
    await Deno.remove(`${opened.folder}/tokenizer.json`);
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(`${opened.folder}/${name}`, bytes);
    }
    await use(opened);
  });
}

async function encoded(folder: string, text: string): Promise<number[]> {
  using model = await openModel(folder);
  return (await model.tokenizer()).encode(text);
}

Deno.test("tokenizer.model, by each of its names", async () => {
  const [row] = await read("sentencepiece");
  const bytes = Uint8Array.from(atob(row.model), (letter) => letter.charCodeAt(0));
  for (const name of ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model"]) {
    await withFiles({ [name]: bytes }, async ({ folder }) => {
      assert.deepEqual(await encoded(folder, row.texts[0]), row.ids[0]);
    });
  }
});

Deno.test("vocab.json and merges.txt", async () => {
  const { gguf, files: { GPT2Tokenizer: { texts, ids } } } = await read("bytes");
  const tokens: string[] = [...gguf["tokenizer.ggml.tokens"], "<|endoftext|>"];
  const files = {
    "vocab.json": JSON.stringify(Object.fromEntries(tokens.map((token, id) => [token, id]))),
    "merges.txt": gguf["tokenizer.ggml.merges"].join("\n"),
  };
  await withFiles(files, async ({ folder }) => {
    await assert.rejects(
      encoded(folder, texts[0]),
      /the model's type "llama", expected one of GPT2Tokenizer/,
    );
    await Deno.writeTextFile(`${folder}/tokenizer_config.json`, '{"tokenizer_class":"GPT2TokenizerFast"}');
    assert.deepEqual(await encoded(folder, texts[0]), ids[0]);
  });
});

Deno.test("a checkpoint without a tokenizer of its own has its series', whatever else lies in its folder", async () => {
  const [row] = await read("sentencepiece");
  await withTiny(async ({ folder }) => {
    const step = `${folder}/run/step10`;
    await copyModel(folder, step);
    await Deno.writeTextFile(`${step}/tokenizer_config.json`, '{"add_bos_token":true}');
    const bytes = Uint8Array.from(atob(row.model), (letter) => letter.charCodeAt(0));
    await Deno.writeFile(`${folder}/run/tokenizer.model`, bytes);
    assert.deepEqual(await encoded(step, row.texts[0]), row.ids[0]);
  });
});

Deno.test("a configuration or a tokenizer that nests deep is refused before anything walks through it", async () => {
  const deep = (key: string) =>
    `{"${key}": ${'{"a\\"[": ['.repeat(50_000)}1${"]}".repeat(50_000)}, "model_type": "llama"}`;
  await withTiny(async ({ folder }) => {
    await Deno.writeTextFile(`${folder}/tokenizer.json`, deep("post_processor"));
    const nested = /tokenizer\.json: objects are nested deeper than 200, expected flat JSON/;
    await assert.rejects(encoded(folder, "a"), nested);
    await Deno.writeTextFile(`${folder}/config.json`, deep("rope_parameters"));
    await assert.rejects(openModel(folder), /config\.json: objects are nested deeper than 200/);
  });
});

Deno.test("an error of a tokenizer names its file, when it is built and when it is used", () =>
  withTiny(async ({ folder }) => {
    const write = (name: string, value: unknown) =>
      Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(value));
    const from = `from ${folder.split("/").at(-1)}/tokenizer.json: `;
    await write("tokenizer.json", { model: { type: "BPE", vocab: {} } });
    const merges = `build a tokenizer ${from}model.merges is missing, expected a list of merges`;
    await refuses("Cannot ", (text: string) => encoded(folder, text), [["a", merges, "TypeError"]]);
    await write("tokenizer.json", { model: { type: "WordLevel", vocab: { b: 0 } } });
    await write("tokenizer_config.json", { bos_token: "<s>" });
    using model = await openModel(folder);
    const tokenizer = await model.tokenizer();
    await refuses("Cannot use the tokenizer ", (use: () => unknown) => use(), [
      [() => tokenizer.encode("a"), `${from}the vocabulary has neither`, "TypeError"],
      [() => tokenizer.bos, `${from}bos_token is "<s>", expected a token in the vocabulary`],
    ]);
  }));

Deno.test("token ids stand for a text, and no tokenizer is needed", () =>
  withTiny(async ({ model, folder, options }) => {
    const size = { samples: 2, length: 16, skip: 1, bos: false };
    const { blocks } = await packText(model, { ...size, text: options.text! });
    const before = await profile(model, { ...options, samples: 2, skip: 1 });
    const whole = await packText(model, { ...size, text: options.text!, samples: 3, skip: 0 });
    const ids = [...whole.blocks.ids];
    await Deno.remove(`${folder}/tokenizer.json`);
    using bare = await openModel(folder);
    for (
      const [name, lists] of Object.entries({ flat: ids, nested: [ids.slice(0, 20), [], ids.slice(20)] })
    ) {
      const text = `${folder}/${name}.json`;
      await Deno.writeTextFile(text, ` ${JSON.stringify(lists)}`);
      const { attention, provenance } = await profile(bare, { ...options, text, samples: 2, skip: 1 });
      assert.deepEqual(attention, before.attention);
      assert.deepEqual([provenance.tokenizer, provenance.text.name], ["none", "ids"]);
      assert.equal(provenance.text.hash, before.provenance.text.hash);
      assert.deepEqual((await packText(bare, { ...size, text })).blocks, blocks);
    }
    await assert.rejects(profile(bare, options), /it has no tokenizer, found .*`text`: IDS\.json/);
    await ok(...words`profile ${folder} --text ${folder}/flat.json --samples 1 --length 8 --no-cache`);
  }));

Deno.test("a GGUF file without a tokenizer says what to do", async () => {
  using model = await openModel("tests/fixtures/gguf/llama.gguf");
  const none =
    /llama\.gguf: the file has no tokenizer, expected tokenizer\.ggml\.model; alternatively, pass a file of/;
  await assert.rejects(model.tokenizer(), none);
});

Deno.test("what is no list of token ids is refused, and a list of texts is still one", () =>
  withTiny(async ({ model, folder }) => {
    const text = `${folder}/ids.json`;
    const pack = async (content: string, bos = false) => {
      await Deno.writeTextFile(text, content);
      return await packText(model, { text, samples: 1, length: 4, skip: 0, bos });
    };
    const wrong: [content: string, message: RegExp][] = [
      ["[1, 2, 3]", /found 3 token ids, expected at least 4/],
      ["[1, 2, 3, 64]", /token id 64, expected an id below 64/],
      ["[1, 2, -3, 4]", /ids\.json: entry 2 is -3, expected a list of token ids/],
      ["[1, 2.5, 3, 4]", /entry 1 is 2\.5/],
      ['["a"]', /entry 0 is "a"/],
      ["[[[1]]]", /entry 0 is \[1\]/],
      [`[${"[".repeat(200_000)}`, /ids\.json: /],
      ["[1, 2", /ids\.json: /],
    ];
    for (const [content, message] of wrong) await assert.rejects(pack(content), message);
    const bos = /bos is true, expected false, since token ids are used unchanged/;
    await assert.rejects(pack("[1, 2, 3, 4]", true), bos);
    await pack(JSON.stringify({ text: tinyText })); // a line of JSON with a text
  }));
