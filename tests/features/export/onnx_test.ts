/**
 * An exported graph, run from its files by onnxruntime-node, gives what the project's own decoder gives under the plan: a text at
 * once and token by token. A logit moves by the relative error of the normed state at most (`stateTolerance`).
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { exportModel } from "features/export/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { openModel, type StudyModel } from "core/subject/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { writeGptOss } from "../../core/models/gpt_oss_folder.ts";
import { distance, largest, stateTolerance } from "../../model.ts";
import { copyModel, inPairs, withFolder } from "../../support.ts";
import { linearOf, meanOf, refitted } from "./changed.ts";
import { stepLogits } from "../../core/run/states.ts";
import { words } from "../../tools.ts";

const TEXT = [3, 17, 22, 8, 8, 15, 20, 11, 5, 13, 9, 2];

interface Written {
  readonly model: StudyModel;
  readonly folder: string;
  readonly notes: readonly string[];
}

function withExport(ref: string, drop: DropPlan, use: (written: Written) => Promise<void>): Promise<void> {
  return withFolder(async (parent) => {
    using model = await openModel(ref);
    const folder = `${parent}/smaller`;
    const { notes } = await exportModel(model, drop, { format: "onnx", out: folder });
    await use({ model, folder, notes });
  });
}

const int64 = (values: number[]) =>
  new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
const counted = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

/** Logits of every token of the text, run in steps that end at these positions. */
async function graphLogits(session: InferenceSession, folder: string, ends: readonly number[]) {
  const { model } = await json(folder, "genai_config.json");
  const { decoder: { num_key_value_heads, head_size }, vocab_size } = model;
  let past: Record<string, Tensor> = Object.fromEntries(
    session.inputNames.filter((name) => name.startsWith("past_key_values.")).map((name) => [
      name,
      new Tensor("float32", new Float32Array(), [1, num_key_value_heads, 0, head_size]),
    ]),
  );
  const rows: Float32Array[] = [];
  for (const [i, end] of ends.entries()) {
    const start = ends[i - 1] ?? 0;
    const { logits, ...present } = await session.run({
      ...past,
      input_ids: int64(TEXT.slice(start, end)),
      position_ids: int64(counted(start, end)),
      attention_mask: int64(Array(end).fill(1)),
    });
    for (let row = 0; row < end - start; row++) {
      rows.push((logits.data as Float32Array).slice(row * vocab_size, (row + 1) * vocab_size));
    }
    const kept = Object.entries(present) as [string, Tensor][];
    past = Object.fromEntries(
      kept.map(([name, value]) => [name.replace("present", "past_key_values"), value]),
    );
  }
  return rows;
}

const ownLogits = (model: StudyModel, plan: DropPlan) =>
  stepLogits({ model, plan }, Int32Array.from(TEXT), 1);

const json = async (folder: string, name: string) => JSON.parse(await Deno.readTextFile(`${folder}/${name}`));

const gguf = (name: string) => fileURLToPath(new URL(`../../fixtures/gguf/${name}.gguf`, import.meta.url));
const folderOf = async (name: string) => (await fixture(name)).folder;

const plans: Record<string, DropPlan> = {
  attention: { attention: [2, 0], mlp: [] },
  MLP: { attention: [], mlp: [1] },
  block: { attention: [1], mlp: [1] },
  "every attention": { attention: [0, 1, 2], mlp: [] },
};
const models: Record<string, () => Promise<string>> = {
  "F32 (llama)": () => folderOf("llama"),
  "F16 with heads of 12 (llama-bias)": () => folderOf("llama-bias"),
  "BF16 (qwen3)": () => folderOf("qwen3"),
  "texts within a dynamic rotation's": () => folderOf("llama-rope-dynamic"),
  "fused projections (neox-parallel)": () => folderOf("neox-parallel"),
  "two rotations and windows (gemma3-linear)": () => folderOf("gemma3-linear"),
  "a mixture (mixtral)": () => folderOf("mixtral"),
  "latent attention, experts in groups (deepseek-v3)": () => folderOf("deepseek-v3"),
  "sinks, experts in one tensor (gpt-oss)": () => folderOf("gpt-oss"),
  "a GGUF file": () => Promise.resolve(gguf("llama")),
};

for (const [i, [what, refOf]] of Object.entries(models).entries()) {
  Deno.test(`${what}: the graph gives the decoder's logits, at once and token by token`, async () => {
    for (const [label, plan] of inPairs(Object.entries(plans), i)) {
      await expectSame(await refOf(), plan, label);
    }
  });
}

Deno.test("means and another projection: the graph gives the decoder's logits", async () => {
  for (
    const ref of [gguf("llama"), ...await Promise.all(["gpt-oss", "neox-parallel", "mixtral"].map(folderOf))]
  ) {
    await expectSame(ref, (spec) => {
      const means = [meanOf(spec, 1, "attention"), meanOf(spec, 1, "mlp"), meanOf(spec, 2, "mlp")];
      return { attention: [], mlp: [], changes: [refitted(spec, 0, "attention"), ...means] };
    }, "changes");
  }
});

Deno.test("linear maps, other projections and scaled sides: the graph gives the decoder's logits", async () => {
  const folders = ["gpt2", "neox-parallel", "gemma2", "olmo2", "granite", "llama-bias"];
  for (const ref of [gguf("llama"), ...await Promise.all(folders.map(folderOf))]) {
    await expectSame(ref, (spec) => {
      const maps = [linearOf(spec, 0, "attention"), linearOf(spec, 1, "mlp")];
      const weights = [refitted(spec, 0, "mlp"), refitted(spec, 2, "attention")];
      const sides = { layer: 1, module: "mlp", to: "scaled", along: 0.5, across: 1.5 } as const; // of a map's place
      const changes = [maps[0], ...weights, ref.endsWith("gpt2") ? sides : maps[1]];
      return { attention: [1], mlp: [], changes };
    }, "changes");
  }
});

Deno.test("experts packed in four bits (gpt-oss): the graph gives the decoder's logits", () =>
  withFolder(async (folder) => {
    await writeGptOss(folder, "packed");
    await expectSame(folder, { attention: [0], mlp: [] }, "attention");
  }));

/** Logits of full models. */
const fulls = new Map<string, Float32Array[]>();

/** The graph of the model under a plan, and the decoder: the same logits, others than the full model's. */
async function expectSame(
  ref: string,
  wanted: DropPlan | ((spec: StudyModel["spec"]) => DropPlan),
  label: string,
): Promise<void> {
  using opened = await openModel(ref);
  const plan = typeof wanted === "function" ? wanted(opened.spec) : wanted;
  await withExport(ref, plan, async ({ model, folder }) => {
    const wanted = await ownLogits(model, plan);
    if (!fulls.has(ref)) fulls.set(ref, await ownLogits(model, noDrop));
    const full = fulls.get(ref)!;
    const session = await InferenceSession.create(`${folder}/model.onnx`);
    for (const ends of [[TEXT.length], counted(1, TEXT.length + 1)]) {
      const found = await graphLogits(session, folder, ends);
      assert.equal(found.length, wanted.length);
      found.forEach((row, t) => {
        const error = distance(row, wanted[t]) / largest(wanted[t]);
        assert.ok(error <= stateTolerance(model.spec), `${label}, position ${t}: relative error ${error}`);
      });
      assert.ok(
        distance(found.at(-1)!, full.at(-1)!) / largest(full.at(-1)!) > 1e-3,
        "the plan changes nothing",
      );
    }
    await session.release();
  });
}

Deno.test("a dropped module is not in the files: no weight, no product, no keys; what is left is counted", async () => {
  const drop = { attention: [0], mlp: [1] };
  await withExport(await folderOf("qwen3"), drop, async ({ folder, notes }) => {
    const graph = new TextDecoder("latin1").decode(await Deno.readFile(`${folder}/model.onnx`));
    const left = words`layers.0.mlp layers.1.attention layers.2.attention layers.2.mlp`;
    assert.deepEqual([...new Set(graph.match(/layers\.\d\.(attention|mlp)/g))].sort(), left);
    const { decoder } = (await json(folder, "genai_config.json")).model;
    const config = await json(folder, "config.json");
    assert.deepEqual([decoder.num_hidden_layers, config.num_hidden_layers, decoder.head_size], [2, 2, 24]);
    const session = await InferenceSession.create(`${folder}/model.onnx`);
    const caches = session.inputNames.filter((name) => name.endsWith(".key"));
    assert.deepEqual(caches, ["past_key_values.0.key", "past_key_values.1.key"]);
    await session.release();
    assert.match(notes.join("\n"), /N-th attention that remains \(layers 1 2\)/);
    const card = await Deno.readTextFile(`${folder}/README.md`);
    notes.forEach((note) => assert.ok(card.includes(note)));
  });
});

Deno.test("tokens that end a text are those of the configurations; what is no token is refused by name", () =>
  withFolder(async (parent) => {
    const from = `${parent}/model`;
    await copyModel(await folderOf("llama"), from);
    const exported = async (generation: string, out: string) => {
      await Deno.writeTextFile(`${from}/generation_config.json`, generation);
      await exportModel(from, { attention: [1] }, { format: "onnx", out: `${parent}/${out}` });
      return (await json(`${parent}/${out}`, "genai_config.json")).model;
    };
    const list = await exported('{"eos_token_id": [2, 5], "pad_token_id": null}', "list");
    assert.deepEqual([list.eos_token_id, (await exported("{}", "none")).eos_token_id], [[2, 5], 2]);
    const refused: [string, RegExp][] = [
      ['{"eos_token_id": "2"}', /eos_token_id is "2", expected a token id or a list of them/],
      ['{"pad_token_id": -1}', /pad_token_id is -1, expected/],
      ["null", /generation_config\.json is null, expected an object/],
      ["{", /generation_config\.json: /],
    ];
    for (const [generation, error] of refused) await assert.rejects(exported(generation, "refused"), error);
    assert.deepEqual([...Deno.readDirSync(parent)].map(({ name }) => name).sort(), ["list", "model", "none"]);
  }));
