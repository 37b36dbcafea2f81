import assert from "node:assert/strict";
import { knownModels, parseManifest } from "core/hub/mod.ts";
import { refuses } from "../../support.ts";
import { withCache } from "./fake_hub.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

const TEXT = await Deno.readTextFile(new URL("../../../data/models.json", import.meta.url));

Deno.test("the project's manifest has four models, and an empty cache has none of them", () =>
  withCache(async () => {
    const models = await knownModels();
    assert.deepEqual(
      models.map(({ name, alias, architecture, cached }) => [name, alias, architecture, cached]),
      [
        ["smollm2-135m-instruct-q4_1", "smollm2-135m", "llama", false],
        ["gemma-3-270m-q4_k_m", "gemma-3-270m", "gemma3", false],
        ["qwen2.5-coder-0.5b-instruct-q4_k_m", "qwen2.5-coder-0.5b", "qwen2", false],
        ["qwen2.5-coder-1.5b-instruct-q4_k_m", "qwen2.5-coder-1.5b", "qwen2", false],
      ],
    );
    for (const { source, size } of models) {
      assert.ok(source.length > 0 && size > 9e7);
      assert.equal(new Set(source.map(({ sha256 }) => sha256)).size, source.length);
    }
    // The packages of Qwen state no licence: the manifest says whose word it is.
    for (const { licence } of models.slice(2)) {
      assert.match(licence, /^Apache-2\.0, stated upstream \(not by the package\)$/);
    }
  }));

Deno.test("a manifest that is not of its form is an error that names the field", async () => {
  const cases: [(json: Json) => void, RegExp][] = [
    [(json) => delete json.models, /models is missing, expected a list/],
    [(json) => json.models[1] = 3, /models\[1\] is 3, expected an object/],
    [(json) => json.models[0].name = "Big Name", /models\[0\]\.name is "Big Name", expected a name/],
    [(json) => json.models[0].name = "../x", /models\[0\]\.name/],
    [(json) => json.models[1].alias = json.models[0].name, /the name smollm2-135m-instruct-q4_1 twice/],
    [(json) => json.models[0].file = "a/b.gguf", /models\[0\]\.file/],
    [(json) => json.models[0].size = -1, /models\[0\]\.size is -1, expected a number of bytes/],
    [(json) => json.models[0].size = "1", /models\[0\]\.size is "1"/],
    [(json) => json.models[0].sha256 = "ab", /models\[0\]\.sha256 is "ab", expected 64 hexadecimal digits/],
    [(json) => json.models[0].licence = "", /models\[0\]\.licence is "", expected a string/],
    [(json) => json.models[0].source = [], /models\[0\]\.source is an empty list, expected a package/],
    [(json) => json.models[0].source[0].package = "--index-url=x", /source\[0\]\.package/],
    [(json) => json.models[0].source[0].version = "1 --x", /source\[0\]\.version/],
    [
      (json) => json.models[0].source[0].path = "../../x",
      /\.path is "\.\.\/\.\.\/x", expected a path inside/,
    ],
    [(json) => json.models[0].source[0].path = "/x", /source\[0\]\.path/],
    [(json) => json.benchmark = null, /benchmark is null, expected an object/],
  ];
  const read = (break_: (json: Json) => void) => {
    const json = JSON.parse(TEXT);
    break_(json);
    return parseManifest(JSON.stringify(json), "m.json");
  };
  await refuses("TypeError: Cannot read m.json: ", read, cases);
  assert.throws(() => parseManifest("[", "m.json"), SyntaxError);
  assert.throws(() => parseManifest("[]", "m.json"), /the file is an empty list, expected an object/);
});
