/** The licence that a folder's card states, and an export's card repeats. */
import assert from "node:assert/strict";
import { originOf } from "features/export/card/sizes.ts";
import { exportModel } from "features/export/mod.ts";
import { licenceOf, openModel } from "core/hub/mod.ts";
import { writeWide } from "../../features/export/wide.ts";
import { withFolder } from "../../support.ts";

const CARDS: readonly (readonly [card: string, licence: string | null])[] = [
  ["---\nlicense: apache-2.0\ntags: [a]\n---\n# x", "apache-2.0"],
  ['---\r\ntags:\r\n- license: mit\r\nlicense: "llama3.2"\r\n---\r\n', "llama3.2"],
  ["---\nlicense: other\nlicense_name: 'my licence'\n---\n", "my licence"],
  ["---\nlicense: other\n---", "other"],
  ["---\ntags: []\n---\nlicense: mit\n", null],
  ["license: mit\n", null],
  ["---\nlicense:\n---\n", null],
  [`---\nlicense: ${"x".repeat(500)}\u001b[2J\n---\n`, `${"x".repeat(99)}…`],
  ["", null],
];

Deno.test("a card's front matter states the licence, and nothing else of it does", () => {
  for (const [card, licence] of CARDS) assert.equal(licenceOf(card), licence, card.slice(0, 60));
});

Deno.test("the licence of a local folder is on the card of its export", () =>
  withFolder(async (folder) => {
    const from = `${folder}/model`;
    await writeWide("llama", from);
    const card = async (out: string) => {
      await exportModel(from, { attention: [1] }, { format: "hf", out: `${folder}/${out}` });
      return await Deno.readTextFile(`${folder}/${out}/README.md`);
    };
    assert.match(await card("unknown"), /licence is not known here: look it up before you share/);
    await Deno.writeTextFile(`${from}/README.md`, "---\nlicense: MIT\n---\n");
    assert.equal(await (await openModel(from)).licence!(), "MIT");
    const text = await card("known");
    assert.match(text, /^---\nbase_model: "model"\nlicense: "mit"\ntags/);
    assert.match(text, /, as `hf`\. The original's licence: `MIT`\./);
    await Deno.remove(`${from}/README.md`);
    await Deno.mkdir(`${from}/README.md`);
    assert.equal(await (await openModel(from)).licence!(), null);
  }));

Deno.test("a GGUF file may name its repository and its licence; anything else is no name", async () => {
  const originIn = (metadata: Record<string, unknown>, revision: string | null = null) => {
    const stored = { kind: "gguf", file: { metadata: new Map(Object.entries(metadata)) } };
    const job = { model: { name: "own/name", identity: { revision } }, files: {}, stored };
    return originOf(job as unknown as Parameters<typeof originOf>[0]);
  };
  assert.deepEqual(await originIn({}), { licence: null, hub: null });
  assert.deepEqual(await originIn({}, "abc"), { licence: null, hub: "own/name" });
  const source = { "general.source.huggingface.repository": "someone/a-model" };
  const stated = { "general.license": "apache-2.0", ...source };
  assert.deepEqual(await originIn(stated), { licence: "apache-2.0", hub: "someone/a-model" });
  const address = { "general.repo_url": "https://hub.example/someone/a-model/" };
  assert.deepEqual(await originIn(address), { licence: null, hub: "someone/a-model" });
  const odd = { "general.license": 7, "general.repo_url": "https://hub.example/a b/../c" };
  assert.deepEqual(await originIn(odd), { licence: null, hub: null });
});
