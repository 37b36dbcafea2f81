/**
 * `fit` by divergence: its time over that of `perplexity` on 8 × 512 tokens, the divergence of its answer beside other means on the same
 * samples, and what random plans diverge beside the sum of their parts.
 *
 *     deno run -A tests/bench/fit_bench.ts [--models smollm2-135m] [--kld 0.05] [--plans 30]
 */
import { rankCorrelation } from "core/measure/mod.ts";
import { columnImportance, segmentsOf } from "core/run/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { engineOf } from "core/study/options.ts";
import { textOf } from "core/study/text.ts";
import { type Fit, fit } from "features/fit/mod.ts";
import { type Choice, planOfChoices, unitsOf } from "features/fit/units.ts";
import { perplexities } from "features/losses/mod.ts";
import { readArguments } from "./shared.ts";

const { models, kld, plans } = readArguments({ models: "smollm2-135m", kld: 0.05, plans: 30 });
const results = Deno.env.get("LAMINA_RESULTS");
console.log(`${navigator.hardwareConcurrency} cores, load ${Deno.loadavg()[0].toFixed(1)}`);
for (const name of models.split(",")) await measure(name);

async function seconds<T>(run: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  return [await run(), (performance.now() - start) / 1000];
}

async function measure(name: string): Promise<void> {
  using model = await openModel(name);
  const [, one] = await seconds(() => perplexities(model, [{}], { samples: 8, length: 512 }));
  const [found, all] = await seconds(() => fit(model, { kld, ...results ? { results } : {} }));
  console.log(`\n${name}: fit ${all.toFixed(0)} s, ${(all / one).toFixed(1)} times perplexity`);
  const { answer, confirmed, baselines, file } = found;
  const rows = [
    ...answer === null ? [] : [["answer", confirmed[answer]] as const],
    ...baselines.map((row) => [`${row.by} ${row.type ?? ""}`, row] as const),
  ];
  for (const [what, { bytes, kld, same }] of rows) {
    const less = 100 * (1 - bytes! / file!.original);
    console.log(
      `${what} | −${less.toFixed(1)} % | KLD ${kld.value.toFixed(4)} | ${(100 * same.value).toFixed(1)} %`,
    );
  }
  await random(model, found);
}

/** Random plans of the measured levels on other text: their divergence over the sum of their parts. */
async function random(model: Awaited<ReturnType<typeof openModel>>, { measured }: Fit): Promise<void> {
  const { blocks } = await textOf(model, { text: "stories", samples: 8, length: 256 }).pack({});
  const engine = await engineOf({});
  const importance = await columnImportance({ model, engine, segments: segmentsOf(blocks) });
  const units = await unitsOf(model);
  const parts = measured.flatMap(({ module, layer, to, kld }) => {
    const choices = units.flatMap((unit): Choice[] => {
      const { place } = unit;
      const isOwn = "table" in place
        ? module === place.table
        : module === place.module && layer === place.layer;
      const level = unit.levels.find(({ type }) => type !== null && to.split(", ").includes(type));
      return isOwn && level ? [{ unit, level }] : [];
    });
    return choices.length > 0 ? [{ choices, kld }] : [];
  }).filter(({ choices: [{ unit }] }, i, all) =>
    all.findLastIndex((one) => one.choices[0].unit === unit) === i
  );
  const drawn = Array.from({ length: plans }, () => {
    const share = Math.random();
    return parts.filter(() => Math.random() < share);
  }).filter(({ length }) => length > 0);
  const drops = drawn.map((own) => planOfChoices(own.flatMap(({ choices }) => choices), [], importance));
  const runs = await perplexities(model, drops, { samples: 4, length: 256 });
  const pairs = drawn.map((own, i) => [own.reduce((sum, { kld }) => sum + kld, 0), runs[i].kl] as const);
  const ratios = pairs.map(([predicted, kl]) => kl / predicted).sort((a, b) => a - b);
  const [low, middle, high] = [0, ratios.length >> 1, ratios.length - 1].map((i) => ratios[i].toFixed(2));
  const rank = rankCorrelation(pairs)?.toFixed(3);
  console.log(
    `${pairs.length} random plans: measured over predicted ${middle} (${low} to ${high}), rank ${rank}`,
  );
}
