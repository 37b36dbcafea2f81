/** Small results, one or more of every kind that has numbers, and which of its numbers are not those of another. */
import { head, resultIn } from "core/result/mod.ts";
import { causes } from "features/causes/mod.ts";
import { certify, compare } from "features/compare/mod.ts";
import { checkpoints } from "features/training/mod.ts";
import { computedOn } from "core/study/options.ts";
import { evaluate } from "features/evaluate/mod.ts";
import { fit } from "features/fit/mod.ts";
import { generate, generateKind } from "features/generate/mod.ts";
import { guides, makePlan, order } from "features/orders/mod.ts";
import { interactions, perplexities, withoutContext } from "features/losses/mod.ts";
import { constantsStudy, spikes } from "features/observe/mod.ts";
import { profile } from "features/profile/mod.ts";
import { randomInit } from "features/untrained/mod.ts";
import { repair, replacementKind } from "features/repair/mod.ts";
import { roofline } from "features/speed/mod.ts";
import { curvesOf, sweep } from "features/sweep/mod.ts";
import { run } from "core/study/study.ts";
import { openConfig, openSeries } from "core/subject/mod.ts";
import { UNIT, withFolder } from "../../support.ts";
import { kept, named, tinyText, withTiny } from "./tiny.ts";
import { writeSeries } from "../../features/training/training.ts";
import type { Kind, ResultOf } from "features/by_name.ts";

/**
 * Kinds without golden numbers: a doctor's report has none, those of speeds are times, those of parts are in what they are parts of, and a plan of shards and a receipt say what is to be done and where it was.
 */
export const WITHOUT_NUMBERS = [
  "doctor",
  "info",
  "speed",
  "task",
  "written",
  "rows",
  "loss",
  "divergence",
  "context-loss",
  "shards",
  "shard",
] as const;
export type GoldenKind = Exclude<Kind, typeof WITHOUT_NUMBERS[number]>;
export type Golden = { readonly kind: Kind; readonly method: number };
/** Golden results by name: that of their kind, and a plan that was repaired. */
export type Goldens = { [K in GoldenKind]: ResultOf<K> } & { repaired: ResultOf<"plan"> };

/** Where they are committed; `deno run -A tests/fixtures/make_results.ts` makes them. */
export const goldenFile = new URL("../../fixtures/results.json", import.meta.url);

/** Computes a result of every kind on tiny models, and a repaired plan. */
export async function makeGoldens(): Promise<Goldens> {
  const size = { samples: 2, length: 16, engine: "cpu" } as const;
  const results: Partial<Goldens> = {};
  await withTiny(async ({ model: opened, options: { results: folder, ...text } }) => {
    const model = named(opened);
    const options = { ...text, ...size };
    const [first, other] = [await profile(model, options), await profile(model, { ...options, skip: 2 })];
    results.profile = first;
    results.compare = compare(first, other);
    results.plan = makePlan(first, { target: "joint", drop: 4 });
    [results.perplexity] = await perplexities(model, [{ attention: [1], mlp: [2] }], options);
    results.certificate = await certify(model, { attention: [1] }, options);
    const swept = { ...options, profile: first, curves: curvesOf("block", 1), steps: [0, 1] };
    const { shared: _same, ...curves } = await sweep(model, swept); // it has one text for all
    results.sweep = curves;
    results.order = await order(model, { ...options, target: "joint", by: "greedy", upto: 3 });
    results.spikes = await spikes(model, options);
    results["spike-constants"] = await run(constantsStudy, model, { ...options, layer: 1, times: 3 });
    results.context = await withoutContext(model, {
      ...options,
      calibration: { samples: 3, length: 16, text: text.text! },
    });
    const types = [{ tables: { embedding: "Q4_0" } }] as const;
    results.interactions = await interactions(model, { ...options, drops: [{ mlp: [1] }], types });
    results.guides = await guides(model, { ...options, heldOut: options.text });
    const asked = { engine: "cpu", tasks: ["openbookqa"], limit: 3, prompts: 1 } as const;
    results.evaluate = (await evaluate(model, [{ attention: [1], mlp: [] }], asked))[0];
    results.causes = await causes(model, { ...options, effectSamples: 1 });
    const texts = await generate(model, [{}], "the quick", { engine: "cpu", tokens: 8 });
    const { shared: _also, ...found } = await fit(model, {
      ...{ ...text, length: 16, samples: 8, kld: 2, calibration: { samples: 2, length: 16 } },
    });
    results.fit = found;
    const plan = makePlan(first, { target: "attention", drop: 1 });
    const repairing = { ...text, samples: 8, length: 16, by: "linear", results: folder } as const;
    results.repaired = await repair(model, plan, repairing);
    const [replacement] = kept(folder).filter((name) => name.startsWith("replacement-"));
    results.replacement = await resultIn(folder, replacement, replacementKind);
    results.generate = {
      ...{
        ...head(generateKind),
        model: model.identity,
        computed: await computedOn(size),
        prompt: "the quick",
      },
      texts: structuredClone(texts) as ResultOf<"generate">["texts"],
    };
  });
  await withFolder(async (folder) => {
    await writeSeries(`${folder}/run`, [1, 8]);
    const text = `${folder}/text.txt`;
    await Deno.writeTextFile(text, tinyText);
    const series = await openSeries(`${folder}/run`);
    results.checkpoints = await checkpoints(series, { ...size, text, quality: text });
  });
  const llama = await openConfig("llama-2-7b");
  const shape = { hidden: 64, heads: 4, layers: 2, seeds: 2 };
  results["random-init"] = await randomInit(llama, { ...size, samples: 1, ...shape });
  const short = { batch: [1, 4], input: 16, output: 4 };
  results.roofline = await roofline("mistral-7b", { device: "rtx-a6000", ...short });
  return results as Goldens;
}

/** The numbers of a result by their place, and where there is none; what it is of is left out. */
export function numbersOf(result: Golden): Map<string, number | null> {
  const numbers = new Map<string, number | null>();
  const visit = (value: unknown, place: string) => {
    if (value === null || typeof value === "number") numbers.set(place, value);
    else if (typeof value === "string" && place.endsWith(".data")) { // float32 in base64
      new Float32Array(Uint8Array.fromBase64(value).buffer).forEach((number, i) =>
        numbers.set(`${place}.${i}`, number)
      );
    } else if (typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) {
        if (!["method", "provenance", "calibration", "model"].includes(key)) visit(inner, `${place}.${key}`);
      }
    }
  };
  visit(result, result.kind);
  return numbers;
}

/**
 * How far a number may be from its golden one, of its own size or of 1, whichever is the larger. Machines sum products of
 * D = 32 terms in float32 in their own order: an error of u √D in each of at most 16 matrices in a row, and a rotation is
 * of second order in the states: twice that. A change of a formula that moves a number by less moves no digit that a table shows.
 */
const TOLERANCE = 2 * 16 * Math.sqrt(32) * UNIT;

/** The first number of a result that is not the golden one's, in words; null where all are. With `mayGrow`, new numbers are no others. */
export function movedNumber(golden: Golden, result: Golden, mayGrow = false): string | null {
  const [before, now] = [numbersOf(golden), numbersOf(result)];
  for (const place of new Set([...before.keys(), ...mayGrow ? [] : now.keys()])) {
    const [a, b] = [before.get(place), now.get(place)];
    const same = typeof a === "number" && typeof b === "number"
      ? Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a))
      : a === b;
    if (!same) return `${place} was ${a} and is ${b}`;
  }
  return null;
}
