/**
 * How many tokens of a draft are accepted where it reads a text by itself, as the tables of perplexity have it, and where it reads the full
 * model's keys and values, as `generate` drafts:
 *
 *     deno run -A tests/bench/acceptance_bench.ts MODEL --plan attention=12,20,26;mlp=10,26 [--plan …] [--texts 8] [--length 128]
 *
 * Both are Σ_v min(p_full, p_plan) at the same tokens of the same texts, those that perplexity measures. Behind the full model's keys and
 * values, a draft predicts the first token of a round. Intervals are those of the 95 % over texts, of the difference paired by text.
 */
import { openEngine } from "../../src/engine/mod.ts";
import { acceptanceOf, halfWidth95, mean } from "../../src/measure/mod.ts";
import { openModel, packText } from "../../src/mod.ts";
import { decoder, dropPlan, noDrop, textLogits } from "../../src/run/mod.ts";
import { draftedRows } from "../../src/run/head/head.ts";
import { layersIn, readArguments } from "./shared.ts";

const { names: [name], plan: plans, texts, length } = readArguments({ plan: [], texts: 8, length: 128 });
const engine = await openEngine({ engine: "cpu" });
using model = await openModel(name);
const { blocks: { ids } } = await packText(model, {
  text: "wiki",
  samples: texts,
  length,
  skip: 0,
  bos: false,
});
const words = (await model.tokenizer()).vocabularySize;
const rows = draftedRows(length - 1).filter((row) => row > 0); // the first token has nothing before it
const fulls = [];
for (let i = 0; i < texts; i++) fulls.push(await sharesOf(i, noDrop));
for (const plan of plans) {
  const draft = dropPlan(model.spec, { attention: layersIn(plan, "attention"), mlp: layersIn(plan, "mlp") });
  const opened = await decoder({ model, engine, draft });
  const [alone, behind]: number[][] = [[], []];
  for (let i = 0; i < texts; i++) {
    const full = fulls[i];
    alone.push(meanOverlap(full, await sharesOf(i, draft)));
    const text = [...ids.subarray(i * length, (i + 1) * length)];
    const drafted: Float64Array[] = [];
    for (const row of rows) {
      if (drafted.length === 0) await opened.prefill([Int32Array.from(text.slice(0, row))]);
      else await opened.extend(text.slice(opened.length, row));
      drafted.push(probabilities(await opened.draft(text[row])));
      await opened.cut(row);
    }
    behind.push(meanOverlap(full, drafted));
  }
  await opened.release();
  const share = (values: number[]) => {
    const { acceptance, acceptanceHalfWidth } = acceptanceOf(
      values.map((accepted) => ({ accepted, drafted: 1 })),
    );
    return `${acceptance.toFixed(4)} ± ${acceptanceHalfWidth!.toFixed(4)}`;
  };
  const differences = behind.map((value, i) => value - alone[i]);
  console.log(
    `${plan}: ${share(alone)} by itself, ${share(behind)} behind the full model's keys and values; ` +
      `difference ${mean(differences).toFixed(4)} ± ${
        halfWidth95(differences)!.toFixed(4)
      } (${texts} × ${length} tokens, ${rows.length} of each)`,
  );
}

/** The distributions behind the rows that perplexity measures, of one text. */
async function sharesOf(text: number, plan: typeof noDrop): Promise<Float64Array[]> {
  const own = ids.subarray(text * length, (text + 1) * length);
  const { data } = await textLogits({ model, engine, ids: own, plan });
  const width = data.length / length;
  return rows.map((row) => probabilities(data.subarray(row * width, row * width + words)));
}

function meanOverlap(full: readonly Float64Array[], draft: readonly Float64Array[]): number {
  return mean(full.map((p, i) => p.reduce((sum, own, word) => sum + Math.min(own, draft[i][word]), 0)));
}

function probabilities(logits: Float32Array): Float64Array {
  const most = logits.subarray(0, words).reduce((a, b) => Math.max(a, b));
  const shares = Float64Array.from(logits.subarray(0, words), (logit) => Math.exp(logit - most));
  const sum = shares.reduce((a, b) => a + b);
  return shares.map((share) => share / sum);
}
