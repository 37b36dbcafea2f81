/** The series in the repository: complete, of the shape they say, and of models that have learned. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { openSeries } from "core/subject/mod.ts";
import { thorough, withFolder } from "../../support.ts";

const PROSE = "The old man walked down to the river and sat there until the sun had gone. ".repeat(12);

const STEPS = [0, 32, 64, 128, 256, 512, 1024, 2048, 4096];
const SERIES: [name: string, family: string, steps: number[]][] = [
  ["pre-ln", "llama", STEPS],
  ["peri-ln", "gemma3_text", STEPS],
  ["pre-ln-layerdrop", "llama", [256, 1024, 4096]],
];

for (const [name, family, steps] of SERIES) {
  const folder = fileURLToPath(new URL(`../../../data/series/${name}`, import.meta.url));

  Deno.test(`series ${name}: steps on a logarithmic axis, one shape, one tokenizer`, async () => {
    const series = await openSeries(folder);
    assert.equal(series.name, name);
    assert.deepEqual(series.checkpoints.map(({ step }) => step), steps);
    const seen = new Set<string>();
    for (const checkpoint of series.checkpoints) {
      const model = await checkpoint.outline();
      const { spec, identity } = model;
      const { vocabularySize, eos, bos, fingerprint } = await model.tokenizer();
      seen.add(JSON.stringify([spec, vocabularySize, eos, bos, fingerprint]));
      assert.deepEqual([identity.family, spec.layers.length, vocabularySize, eos], [
        family,
        8,
        spec.vocabulary,
        0,
      ]);
    }
    assert.equal(seen.size, 1);
  });

  const test = name === "pre-ln" ? Deno.test : thorough;
  test(`series ${name}: it has learned more than pairs of words, and every checkpoint can be measured`, async () => {
    const { checkpoints: losses, baselines } = JSON.parse(await Deno.readTextFile(`${folder}/series.json`));
    const heldOut: number[] = losses.map(({ heldOut }: { heldOut: number }) => heldOut);
    assert.ok(
      heldOut.every((loss, i) => i === 0 || loss < heldOut[i - 1]),
      "the loss falls from each to the next",
    );
    assert.ok((steps[0] > 0 || heldOut[0] > baselines.uniform) && heldOut.at(-1)! < baselines.bigram);
    await withFolder(async (temporary) => {
      const text = `${temporary}/text.txt`;
      await Deno.writeTextFile(text, PROSE);
      const { checkpoints } = await openSeries(folder);
      const [seen, measured]: number[][] = [[], []];
      for (const checkpoint of checkpoints) {
        using model = await checkpoint.open();
        const size = { text, samples: 2, length: 64 };
        const { attention, mlp, block, skippedTokens } = await profile(model, size);
        const all = [attention, mlp, block].flatMap(({ importance }) => importance);
        assert.deepEqual([all.length, skippedTokens], [24, 0]);
        assert.ok(
          all.every((value) => value !== null && value > 0 && value < 2),
          `${checkpoint.name}: ${all}`,
        );
        seen.push(attention.importance[4]!);
        measured.push((await perplexities(model, [{}], size))[0].nll);
      }
      assert.equal(new Set(seen).size, checkpoints.length, "no two checkpoints alike");
      assert.ok(
        measured.at(-1)! < measured[0] - (steps[0] > 0 ? 0 : 2),
        `${measured} nats a token of English prose`,
      );
    });
  });
}
