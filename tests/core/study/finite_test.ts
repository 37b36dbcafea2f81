/**
 * No study makes a result of non-finite numbers: whatever the weights hold, it ends with an error that names where
 * they began, keeps nothing and leaves no program compiled.
 */
import assert from "node:assert/strict";
import { randomInit } from "features/untrained/mod.ts";
import { openConfig, openModel } from "core/subject/mod.ts";
import { float32, toFloat32 } from "core/tensor/mod.ts";
import { writeSafetensors } from "../../buffer.ts";
import { copyModel, countedEngine, everyNth, refuses, tensorsIn } from "../../support.ts";
import { type Row, rows } from "./every_study.ts";
import { kept, withTiny } from "./tiny.ts";

/** What is wrong: a tensor, what its first number becomes (every number of the embedding's), and the place that a study names. */
const FAULTS: readonly (readonly [what: string, tensor: string, value: number, place: string])[] = [
  ["NaN in attention", "model.layers.1.self_attn.q_proj.weight", NaN, "layer 1, attention"],
  ["infinity in an MLP", "model.layers.2.mlp.down_proj.weight", Infinity, "layer 2, MLP"],
  ["an overflow", "model.layers.0.self_attn.o_proj.weight", 1e30, "layer 0, attention"],
  ["NaN in the embedding", "model.embed_tokens.weight", NaN, "the embedding"],
  ["NaN in the final norm", "model.norm.weight", NaN, "the final norm"],
  ["infinity in the head", "lm_head.weight", -Infinity, "the head"],
];

async function spoil(folder: string, tensor: string, value: number): Promise<void> {
  const tensors = await tensorsIn(folder);
  const stored = tensors.get(tensor)!;
  const data = toFloat32(stored).slice();
  data.fill(value, 0, tensor.includes("embed") ? data.length : 1);
  tensors.set(tensor, float32(stored.shape, data));
  await Deno.remove(`${folder}/model.safetensors`); // its mapped pages stay those of a model that is open
  await writeSafetensors(`${folder}/model.safetensors`, tensors);
}

function allFinite(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return value === null || typeof value !== "object" || Object.values(value).every(allFinite);
}

/** Those that read the model's own weights, of a series a checkpoint with them. */
const { "random-init": _, checkpoints, ...others } = rows;
const studies: Readonly<Record<string, Pick<Row, "run" | "isHeadless">>> = {
  ...others,
  checkpoints: {
    ...checkpoints,
    async run(setting) {
      await copyModel(setting.folder, `${setting.folder}/run/step1`, "tokenizer.json");
      return await checkpoints.run(setting);
    },
  },
};

for (const family of ["llama", "gemma2"]) {
  for (const [i, [what, tensor, value, place]] of FAULTS.entries()) {
    if (family === "gemma2" && tensor.startsWith("lm_head")) continue; // its head is the embedding
    Deno.test(`${family} with ${what}: no study makes a result of it`, () =>
      withTiny(async ({ folder, options: { results, ...text } }) => {
        await spoil(folder, tensor, value);
        using model = await openModel(folder);
        const why = Number.isFinite(value)
          ? `its weights are finite, the largest is 1e+30 in ${tensor}`
          : `${tensor} holds ${value}`;
        const says = `: ${place} produces non-finite numbers (${why}), expected finite ones`;
        const isBehind = /norm|head/.test(place); // what does not predict is sound
        for (const [name, { isHeadless, run }] of everyNth(Object.entries(studies), 2, i)) {
          const engine = countedEngine();
          const options = { ...text, engine, results: `${results}-${name}` };
          const made = await run({ model, folder, options }).catch((error: Error) => error);
          if (isBehind && isHeadless) assert.ok(!(made instanceof Error) && allFinite(made), name);
          else {assert.ok(
              made instanceof Error && /^Cannot run /.test(made.message) && made.message.endsWith(says),
              `${name}: ${made}`,
            );}
          // Replacements of modules before the fault are sound.
          const files = kept(options.results).filter((file) => !file.startsWith("replacement-"));
          if (!isBehind) assert.deepEqual(files, [], name);
          assert.equal(engine.open(), 0, `${name} leaves programs`);
        }
      }, family));
  }
}

Deno.test("weights drawn with a standard deviation beyond float32 are named", async () => {
  const named = await openConfig("llama-3-8b");
  const small = { hidden: 64, heads: 4, layers: 2, samples: 1, length: 16 };
  const own = countedEngine();
  await refuses(
    "Cannot run llama-3-8b ",
    (std: number) => randomInit(named, { ...small, std, engine: own }),
    [
      [1e39, /: the embedding produces .* \(embedding\.weight holds -?Infinity\)/],
      [1e10, /: layer 0, attention produces .* \(its weights are finite, the largest is .* in attention\./],
    ],
  );
  assert.equal(own.open(), 0);
});
