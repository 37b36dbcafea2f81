/**
 * Whether a model writes the same with a draft as alone, and how long both take:
 *
 *     deno run -A tests/bench/draft_bench.ts MODEL … --plan attention=10,12;mlp=15 [--prompts 200] [--length 48] [--new 16] [--draft-tokens 4]
 *         [--precision float32|int8] [--json FILE]
 *
 * Prompts are pieces of the held-out text, and writing is greedy. Where the ids differ, the places are listed with the distance of the two best
 * logits relative to the largest; nearly tied choices are counted besides, whether or not they came out the same. Times are those of
 * all prompts, alone and with the draft in turns.
 */
import { openEngine, type Wanted } from "../../src/engine/mod.ts";
import { openModel, packText } from "../../src/mod.ts";
import { type Decoder, decoder, draftRound, dropPlan, sampler } from "../../src/run/mod.ts";
import { readArguments } from "./shared.ts";

const { names, plan, prompts, length, new: count, "draft-tokens": tokens, precision, json } = readArguments(
  { plan: "", prompts: 200, length: 48, new: 16, "draft-tokens": 4, precision: "float32", json: "" },
);
const own = sampler({ temperature: 0, topP: 1, seed: 0 });
const engine = await openEngine({ engine: "cpu", precision } as Wanted);
const found: Record<string, unknown> = {};
for (const name of names) found[name] = await compare(name);
if (json) await Deno.writeTextFile(json, JSON.stringify(found, null, 2) + "\n");

async function compare(name: string) {
  using model = await openModel(name);
  const draft = dropPlan(model.spec, { attention: layersIn(plan, "attention"), mlp: layersIn(plan, "mlp") });
  const { blocks: { ids } } = await packText(model, {
    text: "wiki",
    samples: prompts,
    length,
    skip: 0,
    bos: false,
  });
  const opened = await decoder({ model, engine, draft });
  const words = (await model.tokenizer()).vocabularySize;
  const sums = {
    ...{ prompts, equal: 0, different: [] as unknown[] },
    ...{ ties: 0, drafted: 0, accepted: 0, alone: 0, with: 0 },
  };
  for (let i = 0; i < prompts; i++) {
    const prompt = ids.subarray(i * length, (i + 1) * length);
    const one = await alone(opened, prompt, words);
    const two = await drafted(opened, prompt, words);
    sums.alone += one.seconds;
    sums.with += two.seconds;
    for (const key of ["ties", "drafted", "accepted"] as const) sums[key] += two[key];
    const at = one.ids.findIndex((id, t) => id !== two.ids[t]);
    if (at < 0) sums.equal++;
    else sums.different.push({ prompt: i, token: at, gap: one.gaps[at] });
    if (i % 20 === 19) console.error(`${name}: ${i + 1} of ${prompts} prompts, ${sums.equal} equal`);
  }
  await opened.release();
  console.log(name, JSON.stringify({ ...sums, ratio: sums.alone / sums.with }));
  return sums;
}

async function alone(opened: Decoder, prompt: Int32Array, words: number) {
  let logits = (await opened.prefill([prompt])).subarray(0, words);
  const start = performance.now();
  const [ids, gaps]: number[][] = [[], []];
  for (;;) {
    const id = own.next(logits);
    ids.push(id);
    gaps.push(gapOf(logits, id));
    if (ids.length === count) break;
    logits = (await opened.step([id])).subarray(0, words);
  }
  return { ids, gaps, seconds: (performance.now() - start) / 1000 };
}

async function drafted(opened: Decoder, prompt: Int32Array, words: number) {
  const ids = [own.next((await opened.prefill([prompt])).subarray(0, words))];
  const start = performance.now();
  const sums = { ties: 0, drafted: 0, accepted: 0 };
  while (ids.length < count) {
    const most = Math.min(tokens, count - ids.length - 1);
    const round = await draftRound(opened, ids.at(-1)!, { sampler: own, tokens: most, words });
    ids.push(...round.ids);
    for (const key of ["ties", "drafted", "accepted"] as const) sums[key] += round[key];
  }
  return { ids, ...sums, seconds: (performance.now() - start) / 1000 };
}

/** How far the best logit is above the next, relative to the largest. */
function gapOf(logits: Float32Array, best: number): number {
  let [second, largest] = [-Infinity, 0];
  logits.forEach((logit, id) => {
    if (id !== best) second = Math.max(second, logit);
    largest = Math.max(largest, Math.abs(logit));
  });
  return (logits[best] - second) / largest;
}

/** Layers of a kind of module in a plan such as `attention=10,12;mlp=15`. */
function layersIn(plan: string, kind: string): number[] {
  const part = plan.split(";").find((part) => part.startsWith(`${kind}=`));
  return part ? part.split("=")[1].split(",").map(Number) : [];
}
