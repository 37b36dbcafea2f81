/** The licence that a folder's card states, and an export's card repeats. */
import assert from "node:assert/strict";
import { exportModel } from "../../src/export/mod.ts";
import { openModel } from "../../src/hub/mod.ts";
import { licenceOf } from "../../src/hub/licence.ts";
import { writeWide } from "../export/wide.ts";
import { withFolder } from "../support.ts";

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

Deno.test("the licence of a local folder is on the card of its export, with its name on the hub where the configuration has it", () =>
  withFolder(async (folder) => {
    const from = `${folder}/model`;
    await writeWide("llama", from, { _name_or_path: "someone/a-model" });
    const card = async (out: string) => {
      await exportModel(from, { attention: [1] }, { format: "hf", out: `${folder}/${out}` });
      return await Deno.readTextFile(`${folder}/${out}/README.md`);
    };
    assert.match(await card("unknown"), /licence is not known here: look it up before you share/);
    await Deno.writeTextFile(`${from}/README.md`, "---\nlicense: MIT\n---\n");
    assert.equal(await (await openModel(from)).licence!(), "MIT");
    const text = await card("known");
    assert.match(text, /^---\nbase_model: "someone\/a-model"\nlicense: "mit"\ntags/);
    assert.match(text, /on the hub the original is `someone\/a-model`\. The original's licence: `MIT`\./);
    await Deno.remove(`${from}/README.md`);
    await Deno.mkdir(`${from}/README.md`);
    assert.equal(await (await openModel(from)).licence!(), null);
  }));
