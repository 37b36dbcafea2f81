/** Types of blocks: a plan of types is the file that is written of it, to the last bit. */
import assert from "node:assert/strict";
import "features/mod.ts";
import { fileURLToPath } from "node:url";
import { exportModel } from "features/export/mod.ts";
import type { Format } from "core/formats/mod.ts";
import { type DropPlan, MODULES, planHash, planPhrase } from "core/measure/mod.ts";
import { head, type Plan, planKind } from "core/result/mod.ts";
import { keepTensors, noDrop, score, segmentsOf } from "core/run/mod.ts";
import { readPlan, writePlan } from "core/study/plan_file.ts";
import { openModel } from "core/subject/mod.ts";
import { float32 } from "core/tensor/mod.ts";
import { openGguf } from "core/weights/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { finalStreams } from "../../core/run/states.ts";
import { engine, withFolder } from "../../support.ts";
import { withSmaller } from "./smaller.ts";

const trained = fileURLToPath(new URL("../../../data/series/pre-ln/step04096", import.meta.url));
const blocks = { ids: Int32Array.from({ length: 96 }, (_, i) => 7 + 5 * i % 250), samples: 2, length: 48 };

/** Importance of so many columns, which differs from column to column. */
const weigh = (columns: number) =>
  float32([columns], Float32Array.from({ length: columns }, (_, i) => 0.1 + i % 7));
const tensors = keepTensors(new Map([["in.importance", weigh(96)], ["out.importance", weigh(96)]]));
const mlpTensors = keepTensors(new Map([["in.importance", weigh(96)], ["out.importance", weigh(160)]]));
const tables = { embedding: "Q4_1", tensors: keepTensors(new Map([["importance", weigh(96)]])) };

const changes = [
  { layer: 1, module: "attention", to: "types", in: "Q4_0", out: "Q5_0", tensors },
  { layer: 2, module: "mlp", to: "types", in: "Q8_0" },
  { layer: 5, module: "mlp", to: "types", out: "Q5_1", tensors: mlpTensors },
] as const;

const all = MODULES.flatMap((module) =>
  Array.from({ length: 8 }, (_, layer) => ({ layer, module, to: "types", in: "Q5_0", out: "Q5_0" } as const))
);

/** Types whose quants are indices of a table. */
const indexed = all.map((change) => ({
  ...{ ...change, in: "IQ4_NL", out: "MXFP4" },
  ...change.layer === 5 && change.module === "mlp" ? { tensors: mlpTensors } : {},
}));

const plans: Record<string, readonly [Format, DropPlan]> = {
  "IQ4_NL and MXFP4": ["gguf", { ...noDrop, changes: indexed, tables: { ...tables, embedding: "IQ4_NL" } }],
  "types of everything": ["gguf", { ...noDrop, changes: all, tables: { embedding: "Q8_0" } }],
  "types of modules and of the table": ["gguf", { ...noDrop, changes, tables }],
  "the table alone": ["gguf", { ...noDrop, tables: { embedding: "Q8_0" } }],
  "types beside drops": ["gguf-deci", { attention: [3, 4], mlp: [6], changes, tables }],
};

for (const [name, [format, drop]] of Object.entries(plans)) {
  Deno.test(`${name}: the file is the plan, to the last bit, and has the types that the plan says`, () =>
    withSmaller(trained, drop, format, async ({ original, smaller, exported }) => {
      const [planned, full] = await finalStreams(original, blocks, [drop, noDrop]);
      const [found] = await finalStreams(smaller, blocks, [noDrop]);
      assert.deepEqual(found, planned);
      assert.notDeepEqual(found, full);
      const scored = await Promise.all(
        [[original, drop], [smaller, noDrop]].map(([model, plan]) =>
          score(
            { model, engine, segments: segmentsOf(blocks), plans: [plan] } as Parameters<
              typeof score
            >[0],
          )
        ),
      );
      assert.deepEqual(scored[1], scored[0], "the head's table too");
      const file = await openGguf(await fileSource(`${exported.folder}/model.gguf`));
      const typeOf = (tensor: string) => file.tensors.get(tensor)?.type;
      assert.equal(typeOf("token_embd.weight"), drop.tables!.embedding);
      const type = drop.changes === all ? "Q5_0" : drop.changes === indexed ? "IQ4_NL" : "BF16";
      assert.equal(file.format, `GGUF ${type}`, "the most of its bytes");
      if (drop.changes === changes) {
        const names = ["attn_q", "attn_v", "attn_output"].map((one) => `blk.1.${one}.weight`);
        assert.deepEqual(names.map(typeOf), ["Q4_0", "Q4_0", "Q5_0"]);
      }
      assert.equal(typeOf("blk.0.attn_q.weight"), type);
      file.close();
    }));
}

Deno.test("a matrix that has no more bits keeps its type, in the run and in the file", () =>
  withSmaller(trained, { ...noDrop, changes }, "gguf", async ({ exported }) => {
    const from = `${exported.folder}/model.gguf`;
    const finer = { layer: 1, module: "attention", to: "types", in: "Q5_0", out: "Q4_0" } as const;
    await withSmaller(
      from,
      { ...noDrop, changes: [finer] },
      "gguf",
      async ({ original, smaller, exported }) => {
        const [planned] = await finalStreams(original, blocks, [{ ...noDrop, changes: [finer] }]);
        assert.deepEqual((await finalStreams(smaller, blocks, [noDrop]))[0], planned);
        const typesIn = async (path: string) => {
          const file = await openGguf(await fileSource(path));
          file.close();
          return ["attn_q", "attn_v", "attn_output"].map((one) =>
            file.tensors.get(`blk.1.${one}.weight`)?.type
          );
        };
        assert.deepEqual(await typesIn(`${exported.folder}/model.gguf`), ["Q4_0", "Q4_0", "Q4_0"]);
        assert.deepEqual(await typesIn(from), ["Q4_0", "Q4_0", "Q5_0"]);
      },
    );
  }));

Deno.test("plans that share no table share no state, and each is scored by its own head", async () => {
  using model = await openModel(trained);
  const all = [noDrop, { ...noDrop, tables }, { ...noDrop, changes }, { ...noDrop, changes, tables }];
  const run = (some: DropPlan[]) => score({ model, engine, segments: segmentsOf(blocks), plans: some });
  const together = await run(all);
  for (const [i, plan] of all.entries()) assert.deepEqual(together[i], (await run([plan]))[0], `plan ${i}`);
  assert.equal(new Set(together.map((samples) => samples[0].nll)).size, all.length);
});

Deno.test("a plan of types is written with its importance and read again; another file beside it is refused", () =>
  withFolder(async (folder) => {
    const plan: Plan = {
      ...head(planKind),
      ...{ model: "pre-ln", layers: 8, target: "types", by: "rise", seed: null, attention: [3], mlp: [] },
      ...{ changes: [...changes], tables, order: [] },
    };
    await writePlan(`${folder}/plan.json`, plan);
    const read = await readPlan(`${folder}/plan.json`);
    assert.deepEqual(read, plan);
    assert.equal(planHash(read), planHash({ attention: [3], mlp: [], changes, tables }));
    assert.equal(
      planPhrase(read),
      "without attention 3, with attention 1 (qkv Q4_0, o Q5_0) · MLP 2 (gate-up Q8_0) · MLP 5 (down Q5_1) · embedding Q4_1",
    );
    await Deno.remove(`${folder}/plan.safetensors`);
    await assert.rejects(
      readPlan(`${folder}/plan.json`),
      /Cannot read tensor layers\.1\.attention\.in\.importance/,
    );
  }));

Deno.test("types are refused by name in formats that have none", async () => {
  using model = await openModel(trained);
  const formats: Format[] = ["llm-drop", "hf", "hf-nas", "onnx"];
  for (const format of formats) {
    for (const plan of [{ tables }, { changes: [changes[0]] }]) {
      await withFolder((folder) =>
        assert.rejects(
          exportModel(model, plan, { format, out: `${folder}/out` }),
          /GGUF files alone.*formats that can: gguf, gguf-deci$/,
        )
      );
    }
  }
});
