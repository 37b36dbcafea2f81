/** A folder as a GGUF file is the plan on it, to the last bit; and every plan in every format is written, or refused by name. */
import assert from "node:assert/strict";
import { ARCHITECTURES } from "core/formats/gguf/folder.ts";
import { closed } from "core/entry/mod.ts";
import { exportModel } from "features/export/mod.ts";
import type { Format } from "core/formats/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import type { DropPlan } from "core/run/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { openGguf } from "core/weights/mod.ts";
import { fixture, fixtureNames } from "../../fixtures/read.ts";
import { byTurns, everyThird, tensorsIn, withFolder } from "../../support.ts";
import { expectSame, withSmaller } from "./smaller.ts";
import { ggufVariant, VARIANTS } from "./variants.ts";

for (const [name, { layers, isLlama }] of Object.entries(VARIANTS)) {
  Deno.test(`${name}: without its last block as gguf${isLlama ? ", with lone drops as gguf-deci" : ""}`, () =>
    withFolder(async (folder) => {
      await ggufVariant(name, `${folder}/${name}`);
      const block = { attention: [layers - 1], mlp: [layers - 1] };
      await withSmaller(`${folder}/${name}`, block, "gguf", async (both) => {
        assert.equal(both.smaller.spec.layers.length, layers - 1);
        assert.match(both.exported.notes.join(), /no tokenizer\.json, so the file has no tokenizer/);
        await expectSame(name, both, block);
      });
      if (!isLlama) return;
      const lone = { attention: [2, 0], mlp: [1] };
      await withSmaller(`${folder}/${name}`, lone, "gguf-deci", (both) => expectSame(name, both, lone));
    }));
}

Deno.test("matrices keep their type and bytes, vectors are F32, and the file says which type most are", async () => {
  const { folder } = await fixture("qwen2");
  await withSmaller(folder, { attention: [0], mlp: [0] }, "gguf", async ({ exported, smaller }) => {
    assert.equal(smaller.identity.format, "GGUF BF16");
    using file = closed(await openGguf(await fileSource(`${exported.folder}/model.gguf`)));
    const stored = (await tensorsIn(folder)).get("model.layers.1.mlp.up_proj.weight");
    assert.deepEqual(await file.read("blk.0.ffn_up.weight"), stored);
    for (const { type, shape } of file.tensors.values()) {
      assert.equal(type, shape.length === 1 ? "F32" : "BF16");
    }
    assert.equal(file.metadata.get("qwen2.context_length"), 256);
  });
});

const LLAMA = ["llama", "llama-bias", "llama-rope-linear", "llama-tied"];
/** Fixtures of which a GGUF file can be made; the others' windows, rotations or scales are not llama.cpp's. */
const SAYABLE = [...LLAMA, "qwen2", "qwen3", "olmo2"];
const KNOWN: readonly Format[] = ["llm-drop", "hf", "gguf", "gguf-deci"];

/** Plans: what is dropped, and the module that the error may name. */
const plans: readonly (readonly [drop: DropPlan, alone: RegExp | null])[] = [
  [{ attention: [1], mlp: [] }, /attention 1 (is|has)/],
  [{ attention: [], mlp: [1] }, /MLP 1 (is|has)/],
  [{ attention: [2], mlp: [2] }, null],
  [{ attention: [2, 0], mlp: [2] }, /attention 0 (is|has)/],
];

function isSayable(name: string, format: Format, alone: RegExp | null): boolean {
  if (format === "gguf") return SAYABLE.includes(name) && alone === null;
  return format !== "gguf-deci" || LLAMA.includes(name);
}

const REFUSED = /: (attention|MLP) \d (is|has|would)|: the model (is of family|has (architecture|mixtures))/;

for (const [i, name] of fixtureNames.entries()) {
  everyThird(i)(
    `${name}: each plan in each format is written, or refused with the module and the formats that can`,
    () =>
      withFolder(async (folder) => {
        using model = await openModel((await fixture(name)).folder);
        for (const [p, [drop, alone]] of plans.entries()) {
          const can = KNOWN.filter((format) => isSayable(name, format, alone));
          // Every refusal; of the formats that can, each plan takes one in `test`, the next plan and model another.
          const some = byTurns(can, i + p);
          for (const format of KNOWN.filter((format) => some.includes(format) || !can.includes(format))) {
            const written = exportModel(model, drop, { format, out: `${folder}/${p}-${format}` });
            if (can.includes(format)) {
              await written;
              continue;
            }
            await assert.rejects(written, ({ name: kind, message }: Error) => {
              assert.equal(kind, "RangeError");
              assert.match(message, REFUSED);
              if (SAYABLE.includes(name) && alone) assert.match(message, alone);
              const others = message.split("formats that can: ")[1].split(", ");
              assert.deepEqual(others.filter((other) => KNOWN.includes(other as Format)), can);
              return true;
            });
          }
        }
      }),
  );
}

Deno.test("the documentation names the families that become GGUF files", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/formats.md", import.meta.url));
  const [sentence] = page.replaceAll("\n", " ").match(/the families [^.]* become GGUF too/)!;
  assert.deepEqual([...sentence.matchAll(/`(\w+)`/g)].map(([, name]) => name), Object.keys(ARCHITECTURES));
});
