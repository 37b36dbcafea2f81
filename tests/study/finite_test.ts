/**
 * No study makes a result of non-finite numbers: whatever the weights hold, it ends with an error that names where
 * they began, keeps nothing and leaves no program compiled.
 */
import { curvesOf } from "../../src/study/sweep/curves.ts";
import assert from "node:assert/strict";
import type { Profile } from "../../src/result/mod.ts";
import {
  attentionOf,
  causes,
  checkpoints,
  type CheckpointsOptions,
  generate,
  perplexities,
  profile,
  randomInit,
  type StudyOptions,
  sweep,
  untrainedCauses,
} from "../../src/study/mod.ts";
import { openConfig, openModel, openSeries, type StudyModel } from "../../src/subject/mod.ts";
import { float32, toFloat32 } from "../../src/tensor/mod.ts";
import { writeSafetensors } from "../buffer.ts";
import { byTurns, copyModel, countedEngine, engine, refuses, tensorsIn } from "../support.ts";
import { kept, withTiny } from "./tiny.ts";

/** What is wrong: a tensor, what its first number becomes (every number of the embedding's), and what a study says of it. */
interface Fault {
  readonly tensor: string;
  readonly value: number;
  readonly message: RegExp;
  /** Only the final norm and the head show it: what does not predict is sound. */
  readonly behindLayers: boolean;
}

/** What is wrong, in which tensor, and the place that a study names. */
const rows: readonly (readonly [what: string, tensor: string, value: number, place: string])[] = [
  ["NaN in attention", "model.layers.1.self_attn.q_proj.weight", NaN, "layer 1, attention"],
  ["infinity in an MLP", "model.layers.2.mlp.down_proj.weight", Infinity, "layer 2, MLP"],
  ["an overflow", "model.layers.0.self_attn.o_proj.weight", 1e30, "layer 0, attention"],
  ["NaN in the embedding", "model.embed_tokens.weight", NaN, "the embedding"],
  ["NaN in the final norm", "model.norm.weight", NaN, "the final norm"],
  ["infinity in the head", "lm_head.weight", -Infinity, "the head"],
];
const faults = Object.fromEntries(rows.map(([what, tensor, value, place]): [string, Fault] => {
  const why = Number.isFinite(value)
    ? `its weights are finite, the largest is 1e\\+30 in ${RegExp.escape(tensor)}`
    : `${RegExp.escape(tensor)} holds ${value}`;
  const says =
    `^[^:]+: Cannot run .*: ${place} produces non-finite numbers \\(${why}\\), expected finite ones$`;
  return [what, { tensor, value, message: new RegExp(says), behindLayers: /norm|head/.test(place) }];
}));

interface Setting {
  readonly model: StudyModel;
  readonly folder: string;
  readonly options: StudyOptions;
  /** As if the model had been spoiled since. */
  readonly sound: Profile;
}

/** Every study, and whether it predicts tokens. */
const studies: Record<string, { predicts: boolean; run(setting: Setting): Promise<unknown> }> = {
  profile: { predicts: false, run: ({ model, options }) => profile(model, options) },
  perplexity: {
    predicts: true,
    run: ({ model, options }) => perplexities(model, [{}, { mlp: [2] }], options),
  },
  sweep: {
    predicts: true,
    run: ({ model, options, sound }) =>
      sweep(model, { ...options, profile: sound, curves: curvesOf("attention", 1), steps: [0, 1] }),
  },
  generate: {
    predicts: true,
    run: ({ model, options: { engine } }) => generate(model, [{}], "the quick", { engine, tokens: 3 }),
  },
  causes: { predicts: false, run: ({ model, options }) => causes(model, options) },
  "attention of a text": {
    predicts: false,
    run: ({ model, options }) =>
      attentionOf(model, "the quick", { heads: [{ layer: 0, head: 0 }], engine: options.engine }),
  },
  checkpoints: { predicts: false, run: ({ folder, options }) => ofSeries(folder, options) },
  "checkpoints with quality": {
    predicts: true,
    run: ({ folder, options }) => ofSeries(folder, { ...options, quality: options.text }),
  },
};

/** The model of a folder as the only checkpoint of a series. */
async function ofSeries(folder: string, options: CheckpointsOptions) {
  await copyModel(folder, `${folder}/series/step1`, "tokenizer.json");
  return await checkpoints(await openSeries(`${folder}/series`), options);
}

async function spoil(folder: string, { tensor, value }: Fault): Promise<void> {
  const tensors = await tensorsIn(folder);
  const stored = tensors.get(tensor)!;
  const data = toFloat32(stored).slice();
  data.fill(value, 0, tensor.includes("embed") ? data.length : 1);
  tensors.set(tensor, float32(stored.shape, data));
  await Deno.remove(`${folder}/model.safetensors`); // its mapped pages stay those of the model that is open
  await writeSafetensors(`${folder}/model.safetensors`, tensors);
}

function allFinite(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return value === null || typeof value !== "object" || Object.values(value).every(allFinite);
}

for (const family of ["llama", "gemma2"]) {
  for (const [i, [what, fault]] of Object.entries(faults).entries()) {
    if (family === "gemma2" && fault.tensor.startsWith("lm_head")) continue; // its head is the embedding
    Deno.test(`${family} with ${what}: no study makes a result of it`, () =>
      withTiny(async ({ model: before, folder, options: { results, ...text } }) => {
        const measured = await profile(before, { ...text, engine });
        await spoil(folder, fault);
        const model = await openModel(folder);
        const sound = { ...measured, provenance: { ...measured.provenance, model: model.identity } };
        try {
          const all = Object.entries(studies);
          for (const [name, { predicts, run }] of family === "llama" ? all : byTurns(all, i)) {
            const counted = countedEngine();
            const options = { ...text, engine: counted, results: `${results}-${name}` };
            const outcome = await run({ model, folder, options, sound })
              .then((result) => ({ result }), (error: Error) => ({ error }));
            if ("error" in outcome) assert.match(`${name}: ${outcome.error.message}`, fault.message);
            else {assert.ok(
                fault.behindLayers && !predicts && allFinite(outcome.result),
                `${name} goes through`,
              );}
            if (!fault.behindLayers) assert.deepEqual(kept(options.results), [], name);
            assert.equal(counted.open(), 0, `${name} leaves programs`);
          }
        } finally {
          model.close();
        }
      }, family));
  }
}

Deno.test("weights drawn with a standard deviation beyond float32 are named", async () => {
  const named = await openConfig("llama-3-8b");
  const small = { hidden: 64, heads: 4, layers: 2, samples: 1, length: 16 };
  for (const study of [randomInit, untrainedCauses]) {
    const own = countedEngine();
    await refuses("Cannot run llama-3-8b ", (std: number) => study(named, { ...small, std, engine: own }), [
      [1e39, /: the embedding produces .* \(embedding\.weight holds -?Infinity\)/],
      [1e10, /: layer 0, attention produces .* \(its weights are finite, the largest is .* in attention\./],
    ]);
    assert.equal(own.open(), 0);
  }
});
