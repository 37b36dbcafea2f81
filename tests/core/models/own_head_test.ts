/**
 * A configuration ties the head to the embedding, and the file has another head: that one is used, with a notice, as transformers 5 does
 * (its loss: tests/fixtures/mutated_configs.json). A head that equals the embedding is tied in silence.
 */
import assert from "node:assert/strict";
import { openModel as openFiles } from "core/hub/mod.ts";
import { differ, loadFolder } from "core/models/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { expectSame, withSmaller } from "../../features/export/smaller.ts";
import { withFolder } from "../../support.ts";
import { rewrite } from "./rewrite.ts";

const HEAD = "lm_head.weight", EMBEDDING = "model.embed_tokens.weight";

/** Loads a folder; gives the model's facts about its head, and the notices. */
async function loaded(folder: string, change: (config: Record<string, unknown>) => object = (same) => same) {
  const files = await openFiles(folder);
  try {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    const notices: string[] = [];
    const model = await loadFolder(files, change(config), { onNotice: (line) => notices.push(line) });
    const head = toFloat32(await model.weights.outer("head.weight"));
    model.weights.close();
    return { tied: model.spec.head.tied, config: model.config, head: Array.from(head), notices };
  } finally {
    files.close();
  }
}

const tied = (config: object) => ({ ...config, tie_word_embeddings: true });

Deno.test("the file's head is used where it differs, and one line says so", async () => {
  const { folder } = await fixture("llama");
  const own = await loaded(folder);
  const said = await loaded(folder, tied);
  assert.deepEqual(said.head, own.head);
  assert.deepEqual([own.tied, said.tied, said.config.tie_word_embeddings], [false, false, false]);
  assert.deepEqual(own.notices, []);
  assert.deepEqual(said.notices.map((line) => line.replace(/^.*: lm_head/, "lm_head")), [
    "lm_head.weight differs from model.embed_tokens.weight, although tie_word_embeddings ties them; lm_head.weight is used, as in " +
    "transformers 5 (transformers 4 uses the embedding)",
  ]);
});

Deno.test("the text part of a composite model has its own head too", async () => {
  const { folder } = await fixture("llama");
  const composite = (text: object) => ({ model_type: "llava", text_config: tied(text) });
  const { tied: isTied, config, notices } = await loaded(folder, composite);
  const text = config.text_config as typeof config;
  assert.deepEqual([isTied, notices.length], [false, 1]);
  assert.deepEqual([config.tie_word_embeddings, text.tie_word_embeddings], [false, false]);
});

/** A copy of `llama-tied` whose file has a head made of the embedding. */
function withHead(
  make: (embedding: Tensor) => Tensor,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    await rewrite("llama-tied", folder, (tensors) => {
      tensors.set(HEAD, make(tensors.get(EMBEDDING)!));
    });
    await use(folder);
  });
}

const HEADS: Record<string, [make: (embedding: Tensor) => Tensor, tied: boolean, notices: number]> = {
  "has the same bytes as the embedding is tied in silence": [(embedding) => embedding, true, 0],
  "has its numbers in another type is tied in silence": [
    (own) => float32(own.shape, toFloat32(own)),
    true,
    0,
  ],
  "differs in its last number alone is its own": [
    (own) => float32(own.shape, toFloat32(own).with(-1, 7)),
    false,
    1,
  ],
};
for (const [what, [make, isTied, notices]] of Object.entries(HEADS)) {
  Deno.test(`a head that ${what}`, () =>
    withHead(make, async (folder) => {
      const found = await loaded(folder);
      assert.deepEqual([found.tied, found.notices.length], [isTied, notices]);
      if (!isTied) assert.equal(found.head.at(-1), 7);
    }));
}

Deno.test("a head of another shape is refused by its name", () =>
  withHead(
    () => float32([2, 2], new Float32Array(4)),
    (folder) =>
      assert.rejects(loaded(folder), /tensor lm_head\.weight has shape \[2,2\], expected \[64,48\]/),
  ));

Deno.test("an export of such a model has the head that the numbers are of", () =>
  withFolder(async (folder) => {
    await rewrite("llama", folder, () => {});
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(tied(config)));
    const notices: string[] = [];
    (await openModel(folder, { onNotice: (line) => notices.push(line) })).close();
    assert.equal(notices.length, 1);
    for (const format of ["hf", "llm-drop", "gguf"] as const) {
      const drop = { attention: [1], mlp: [1] };
      await withSmaller(folder, drop, format, async (both) => {
        assert.equal(both.smaller.spec.head.tied, false, format);
        const heads = [both.original, both.smaller].map(({ weights }) => weights.outer("head.weight"));
        const [original, smaller] = (await Promise.all(heads)).map(toFloat32);
        assert.deepEqual(smaller, original, format);
        if (format === "hf") await expectSame("llama", both, drop);
      });
    }
  }));

Deno.test("two tensors are read in pieces, and no further than the first difference", async () => {
  const shape = [4096, 1024];
  const names: [string, string] = ["one", "other"];
  const read: string[] = [];
  const file = (odd: number) => ({
    tensors: new Map(names.map((name) => [name, { dtype: "f32" as const, type: "F32", shape }])),
    read(name: string, [start, end]: readonly [number, number] = [0, 0]) {
      read.push(`${name} ${start} ${end}`);
      const data = new Float32Array((end - start) * 1024);
      if (name === "other" && start <= odd && odd < end) data[0] = NaN;
      return Promise.resolve(float32([end - start, 1024], data));
    },
  });
  const differing = (odd: number) => differ(file(odd) as unknown as Parameters<typeof differ>[0], names);
  assert.equal(await differing(1500), true);
  assert.deepEqual(read.splice(0), ["one 0 1024", "other 0 1024", "one 1024 2048", "other 1024 2048"]);
  assert.equal(await differing(-1), false);
  assert.equal(read.length, 8);
});
