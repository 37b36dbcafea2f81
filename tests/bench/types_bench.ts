/**
 * Types of blocks: what random plans cost, paired, beside the sum of what their steps cost alone. Steps that a fit measured with the
 * same folder of results are not measured again.
 *
 *     deno run -A tests/bench/types_bench.ts --model smollm2-135m [--plans 100]
 */
import { type DropPlan, mean, rankCorrelation } from "core/measure/mod.ts";
import { perplexities, type Perplexity, riseOver } from "features/losses/mod.ts";
import { columnImportance, segmentsOf } from "core/run/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { engineOf } from "core/study/options.ts";
import { textOf } from "core/study/text.ts";
import { typeLines } from "features/fit/types/lines.ts";
import { type Choice, planOfChoices, type Unit, unitsOf } from "features/fit/types/units.ts";
import { readArguments } from "./shared.ts";

const { model: name, plans: count, samples, length, text } = readArguments({
  model: "smollm2-135m",
  plans: 100,
  samples: 8,
  length: 256,
  text: "wiki",
});
const results = Deno.env.get("LAMINA_RESULTS");
const options = { onProgress: () => {}, ...results ? { results } : {} };
using model = await openModel(name);
const calibration = textOf(model, { text: "stories", samples: 8, length: 256 });
const units = await unitsOf(model);
const found = await typeLines(model, units, calibration, ["rise"], () => undefined, options);
const { blocks } = await calibration.pack(options);
const importance = await columnImportance({
  ...{ model, engine: await engineOf({}), segments: segmentsOf(blocks) },
});

/** A unit's measured levels with what each costs alone. */
const placeOf = ({ place }: Unit) =>
  "layer" in place ? `${place.module} ${place.layer}` : `${"table" in place ? place.table : place.both} null`;
const measured = units.units.map((unit) =>
  found.rises.filter(({ module, layer }) => `${module} ${layer}` === placeOf(unit)).map((
    { types, rise },
  ) => ({
    unit,
    level: unit.levels.find((level) => JSON.stringify(level.types) === JSON.stringify(types))!,
    rise,
  }))
);
const planned = (choices: readonly Choice[]) => planOfChoices([...units.first, ...choices], importance);
async function lossesOf(plans: readonly DropPlan[], skip: number, sizes = { samples, length }) {
  const all: Perplexity[] = [];
  const base = planned([]);
  for (let i = 0; i < plans.length; i += 24) {
    const [full, ...own] = await perplexities(model, [base, ...plans.slice(i, i + 24)], {
      text,
      ...sizes,
      skip,
      ...options,
    });
    if (i === 0) all.push(full);
    all.push(...own);
    console.error(`${Math.min(plans.length, i + 24)} of ${plans.length} plans`);
  }
  return all;
}

if (count > 0) {
  const random = drawn(1);
  const choices = Array.from({ length: count }, () => {
    const share = random();
    return measured.flatMap((levels) =>
      levels.length > 0 && random() < share ? [levels[Math.floor(random() * levels.length)]] : []
    );
  });
  const [full, ...costs] = await lossesOf(choices.map(planned), 0);
  const pairs = choices.map((own, i) =>
    [own.reduce((sum, { rise }) => sum + rise, 0), riseOver(costs[i], full).rise] as const
  );
  const [x, y] = [0, 1].map((at) => mean(pairs.map((pair) => pair[at])));
  const slope = pairs.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0) /
    pairs.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
  console.log(`${name}: ${count} random plans, ${samples} × ${length} tokens of ${text}`);
  console.log(`rank correlation ${rankCorrelation(pairs)!.toFixed(3)}, slope ${slope.toFixed(3)}`);
  console.log(`mean predicted ${x.toFixed(4)}, measured ${y.toFixed(4)} nats per token`);
  console.log(JSON.stringify(pairs.map((pair) => pair.map((value) => Number(value.toFixed(4))))));
}

/** Marsaglia's xorshift32, from 0 to 1. */
function drawn(seed: number): () => number {
  let state = seed * 0x9e3779b9 >>> 0;
  return () => {
    state ^= state << 13, state ^= state >>> 17, state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
