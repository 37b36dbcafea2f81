/**
 * Models with two tables of words, the embedding and the head: which of them a plan runs, rounded by what, and which of them its file holds,
 * as ggml rounds and as llama.cpp reads.
 */
import assert from "node:assert/strict";
import "features/mod.ts";
import { closed } from "core/entry/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { runApart } from "core/libraries/mod.ts";
import { type DropPlan, noDrop, type TablesChange } from "core/measure/mod.ts";
import { changedModel, keepTensors, score, segmentsOf, textLogits } from "core/run/mod.ts";
import { openModel, type StudyModel } from "core/subject/mod.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { openGguf, rounded } from "core/weights/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { logits, losses, observe } from "features/observe/mod.ts";
import { differenceOf } from "features/speed/mod.ts";
import { finalStreams } from "../../core/run/states.ts";
import { fixture } from "../../fixtures/read.ts";
import { decoded, encoded, lacksGgml, openGgml } from "../../ggml.ts";
import { engine, withFolder } from "../../support.ts";
import { unless } from "../../tools.ts";
import { withSmaller } from "./smaller.ts";

const { folder } = await fixture("llama");
const blocks = { ids: Int32Array.from({ length: 48 }, (_, i) => 3 + 5 * i % 61), samples: 2, length: 24 };
const weights = Float32Array.from({ length: 32 }, (_, i) => 0.01 + (i % 7) ** 3);
const tensors = keepTensors(new Map([["importance", float32([32], weights)]]));

/** What a table is: one of the model's, in a type, weighed by the importance of the head's inputs or not. */
type Table = readonly [of: "embedding" | "head", type?: string, importance?: Float32Array<ArrayBuffer>];
interface Row {
  readonly tables: TablesChange;
  readonly embedding: Table;
  /** Absent where one table is both. */
  readonly head?: Table;
}

/** Rows that are looked up are multiplied with nothing, so that an embedding of its own is not weighed. */
const rows: Readonly<Record<string, Row>> = {
  "the head's table as both": { tables: { both: "head" }, embedding: ["head"] },
  "the embedding's table as both": { tables: { both: "embedding" }, embedding: ["embedding"] },
  "the head's table as both, rounded": {
    tables: { both: "head", embedding: "Q4_0", tensors },
    embedding: ["head", "Q4_0", weights],
  },
  "the embedding's table as both, rounded": {
    tables: { both: "embedding", embedding: "Q5_1", tensors },
    embedding: ["embedding", "Q5_1", weights],
  },
  "both tables rounded": {
    tables: { embedding: "Q4_0", head: "Q5_0", tensors },
    embedding: ["embedding", "Q4_0"],
    head: ["head", "Q5_0", weights],
  },
  "the embedding alone rounded": {
    tables: { embedding: "Q4_0", tensors },
    embedding: ["embedding", "Q4_0"],
    head: ["head"],
  },
  "the head alone rounded": {
    tables: { head: "Q4_0", tensors },
    embedding: ["embedding"],
    head: ["head", "Q4_0", weights],
  },
};
const planOf = (tables: TablesChange): DropPlan => ({ ...noDrop, tables });
const numbersOf = (tensor: Tensor) => toFloat32(tensor).slice();

/** The tables of the original, and those of a row. */
async function tablesIn({ embedding, head = embedding }: Row) {
  using model = await openModel(folder);
  return await Promise.all([embedding, head].map(async ([of, type, importance]) => {
    const own = await model.weights.outer(`${of}.weight`);
    return numbersOf(type ? rounded(type, own, importance) : own);
  }));
}

for (const [name, row] of Object.entries(rows)) {
  const plan = planOf(row.tables);
  Deno.test(`${name}: the plan runs them, the file holds them, and is the plan to the last bit`, () =>
    withSmaller(folder, plan, "gguf", async ({ original, smaller, exported }) => {
      const expected = await tablesIn(row);
      const names = ["embedding.weight", "head.weight"];
      const { weights } = changedModel(original, plan);
      const run = await Promise.all(names.map(async (name) => numbersOf(await weights.outer(name))));
      assert.deepEqual(run, expected, "as they run");

      using file = closed(await openGguf(await fileSource(`${exported.folder}/model.gguf`)));
      const stored = ["token_embd.weight", ...row.head ? ["output.weight"] : []];
      const found = [...file.tensors.keys()].filter((name) =>
        !name.startsWith("blk.") && !name.includes("norm")
      );
      assert.deepEqual(found.sort(), stored.toSorted());
      for (const [i, name] of stored.entries()) {
        assert.deepEqual(numbersOf(await file.read(name)), expected[i], name);
        assert.equal(file.tensors.get(name)!.type, [row.embedding, row.head!][i][1] ?? "F32", name);
      }

      const segments = segmentsOf(blocks);
      const [planned, back] = await Promise.all([
        finalStreams(original, blocks, [plan]),
        finalStreams(smaller, blocks, [noDrop]),
      ]);
      assert.deepEqual(back, planned);
      const [there] = await score({ model: smaller, engine, segments, plans: [noDrop] });
      const [here] = await score({ model: original, engine, segments, plans: [plan] });
      assert.deepEqual(there, here);
    }));
}

Deno.test("plans of two tables share neither streams nor heads that differ", async () => {
  using model = await openModel(folder);
  const plans = [noDrop, ...Object.values(rows).map(({ tables }) => planOf(tables))];
  const run = (plans: readonly DropPlan[]) => score({ model, engine, segments: segmentsOf(blocks), plans });
  const together = await run(plans);
  for (const [i, plan] of plans.entries()) assert.deepEqual(together[i], (await run([plan]))[0], `plan ${i}`);
  assert.equal(new Set(together.map(([{ nll }]) => nll)).size, plans.length);
});

const over = { samples: 2, length: 16, engine: "cpu" } as const;
/** What reads predictions, each in its own way, as numbers. */
const READERS: Readonly<
  Record<string, (model: StudyModel, plan: DropPlan, text: string) => Promise<unknown>>
> = {
  logits: (model, drop) => logits(model, blocks.ids, { drop, engine: "cpu" }),
  losses: (model, drop) => losses(model, blocks.ids, { drop, engine: "cpu" }),
  async observe(model, drop, text) {
    const all: unknown[] = [];
    const values = ["logits", "y.logits", "y.entropy"] as const;
    await observe(model, (seen) => void all.push(seen), { ...over, text, values, drop });
    return all;
  },
  async "perplexities with a change"(model, plan, text) {
    const all: number[] = [];
    const by = (seen: { readonly "y.entropy": { readonly data: Float32Array } }) =>
      void all.push(...seen["y.entropy"].data);
    const [{ sums }] = await perplexities(model, [plan], {
      ...over,
      text,
      change: { values: ["y.entropy"], by },
    });
    return [sums.map(({ nll }) => nll), all];
  },
};
for (const name of ["both tables rounded", "the embedding's table as both"]) {
  Deno.test(`${name}: predictions of the plan are those of its file, however they are read`, () =>
    withSmaller(
      folder,
      planOf(rows[name].tables),
      "gguf",
      ({ original, smaller }) =>
        withFolder(async (outer) => {
          const text = `${outer}/ids.json`;
          await Deno.writeTextFile(text, JSON.stringify([...blocks.ids]));
          for (const [reader, read] of Object.entries(READERS)) {
            const own = await read(original, planOf(rows[name].tables), text);
            assert.deepEqual(own, await read(smaller, noDrop, text), reader);
            assert.notDeepEqual(own, await read(original, noDrop, text), reader);
          }
        }),
    ));
}

const live = unless(lacksGgml);

live("tables are rounded as ggml rounds them, the head's by the importance of its inputs", async () => {
  const ggml = openGgml()!;
  for (const [name, { embedding, head = embedding, tables }] of Object.entries(rows)) {
    using model = await openModel(folder);
    const { weights } = changedModel(model, planOf(tables));
    for (const [i, [of, type, importance]] of [embedding, head].entries()) {
      if (type === undefined || !importance) continue; // without importance, plain types are rounded by a search of our own
      const own = numbersOf(await model.weights.outer(`${of}.weight`)) as Float32Array<ArrayBuffer>;
      const expected = decoded(ggml, type, encoded(ggml, type, own, 32, importance));
      const found = await weights.outer(["embedding.weight", "head.weight"][i]);
      assert.deepEqual(numbersOf(found), expected, name);
      assert.notDeepEqual(
        decoded(ggml, type, encoded(ggml, type, own, 32, null)),
        expected,
        "importance counts",
      );
    }
  }
});

live("llama.cpp reads the tables that a plan runs", async () => {
  const script = new URL("../../../src/features/speed/llama_process.ts", import.meta.url);
  const ids = blocks.ids.slice(0, blocks.length);
  for (const [name, { tables }] of Object.entries(rows)) {
    const plan = planOf(tables);
    await withSmaller(folder, plan, "gguf", ({ original, exported }) =>
      withFolder(async (outer) => {
        const job = { files: [`${exported.folder}/model.gguf`], ids: [...ids], out: `${outer}/logits` };
        const words = JSON.parse(await runApart(script, [JSON.stringify([job, 1, Deno.pid])]));
        const theirs = new Float32Array((await Deno.readFile(job.out)).buffer);
        const klOf = async (plan: DropPlan) => {
          const { data } = await textLogits({ model: original, plan, ids, engine });
          const own = data as Float32Array;
          const kls = Array.from(ids, (_, t) =>
            differenceOf(...[own, theirs].map((all) =>
              all.subarray(t * words, (t + 1) * words)
            ) as [Float32Array, Float32Array]).kl);
          return kls.reduce((sum, kl) =>
            sum + kl, 0) / kls.length;
        };
        const [own, full] = [await klOf(plan), await klOf(noDrop)];
        assert.ok(own < 0.01 && own < full / 10, `${name}: KL ${own}, of the full model ${full}`);
      }));
  }
});
