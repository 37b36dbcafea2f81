/**
 * Types of blocks: what random plans cost, paired, beside the sum of what their steps cost alone; and with `--fit`, an answer of `fit` beside
 * a plan of at most its bytes whose steps were exchanged by what they cost inside the answer, on samples that chose neither. Steps that a fit
 * measured with the same folder of results are not measured again.
 *
 *     deno run -A tests/bench/types_bench.ts --model smollm2-135m [--plans 100] [--fit fit.json] [--fresh 8]
 */
import { type DropPlan, interval95, mean, planHash, rankCorrelation } from "../../src/measure/mod.ts";
import { type Fit, type Perplexity, readResult } from "../../src/result/mod.ts";
import { columnImportance, noDrop, segmentsOf } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { perplexities, riseOver } from "../../src/study/mod.ts";
import { engineOf } from "../../src/study/base/options.ts";
import { textOf } from "../../src/study/base/text.ts";
import { typeLines } from "../../src/study/types/lines.ts";
import { type Choice, planOfChoices, type Unit, unitsOf } from "../../src/study/types/units.ts";
import { readArguments } from "./shared.ts";

const { model: name, plans: count, fit, fresh, samples, length, text } = readArguments({
  model: "smollm2-135m",
  plans: 100,
  fit: "",
  fresh: 8, // samples of 512 tokens that compare answers
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

if (fit) await exchange(await readResult(fit, "fit"));

/** Marsaglia's xorshift32, from 0 to 1. */
function drawn(seed: number): () => number {
  let state = seed * 0x9e3779b9 >>> 0;
  return () => {
    state ^= state << 13, state ^= state >>> 17, state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Measures each unit's next finer and coarser level inside the answer, exchanges by price, and compares both on fresh samples. */
async function exchange({ plan }: Fit) {
  const answer = new Map<Unit, Choice & { readonly rise?: number }>();
  const at = (unit: Unit) => {
    const { place } = unit;
    if (!("layer" in place)) return plan!.tables?.["table" in place ? place.table : place.both];
    const change = plan!.changes?.find((one) =>
      one.to === "types" && one.layer === place.layer && one.module === place.module
    );
    return change && "in" in change ? JSON.stringify([change.in, change.out]) : undefined;
  };
  for (const unit of units.units) {
    const now = at(unit);
    const level = unit.levels.find(({ types }) =>
      now !== undefined && ("layer" in unit.place ? JSON.stringify([types.in, types.out]) : types.out) === now
    );
    if (level) answer.set(unit, { unit, level });
  }
  const own = [...answer.values()];
  console.log(
    `the answer changes ${own.length} units; the same plan: ${
      planHash(planned(own)) === planHash({ ...noDrop, ...plan! })
    }`,
  );
  const bytesAt = (unit: Unit, choice?: Choice) => choice?.level?.bytes ?? unit.bytes;
  const moves = units.units.flatMap((unit, u) => {
    const now = answer.get(unit);
    const levels = [undefined, ...measured[u].map(({ level }) => ({ unit, level }))];
    return levels.filter((to) => bytesAt(unit, to) !== bytesAt(unit, now)).map((to) => {
      const rest = own.filter((one) => one.unit !== unit);
      return { unit, saved: bytesAt(unit, now) - bytesAt(unit, to), choices: to ? [...rest, to] : rest, to };
    });
  });
  const [, base, ...costs] = await lossesOf(
    [planned(own), ...moves.map(({ choices }) => planned(choices))],
    0,
  );
  const priced = moves.map((move, i) => ({ ...move, rise: riseOver(costs[i], base).rise }));
  // Finer moves by what a byte gains, paid for by coarser ones by what a byte costs.
  const finer = priced.filter(({ saved }) => saved < 0).sort((a, b) => a.rise / -a.saved - b.rise / -b.saved);
  const coarser = priced.filter(({ saved }) => saved > 0).sort((a, b) => a.rise / a.saved - b.rise / b.saved);
  for (const most of [1, 4, 12]) {
    const next = new Map(answer);
    let [spare, gain] = [0, 0];
    const taken = new Set<Unit>();
    let c = 0;
    for (const move of finer.slice(0, most)) {
      if (taken.has(move.unit)) continue;
      const paying: typeof coarser = [];
      let [room, cost, from] = [spare, 0, c];
      while (room + move.saved < 0 && from < coarser.length) {
        const one = coarser[from++];
        if (taken.has(one.unit) || one.unit === move.unit || paying.some(({ unit }) => unit === one.unit)) {
          continue;
        }
        paying.push(one);
        [room, cost] = [room + one.saved, cost + one.rise];
      }
      if (room + move.saved < 0 || cost + move.rise >= 0) continue;
      for (const one of [move, ...paying]) {
        taken.add(one.unit);
        one.to ? next.set(one.unit, one.to) : next.delete(one.unit);
      }
      [spare, gain, c] = [room + move.saved, gain + cost + move.rise, from];
    }
    if (taken.size === 0) continue;
    const [, before, after] = await lossesOf([planned(own), planned([...next.values()])], samples, {
      samples: fresh,
      length: 512,
    });
    const { rise, riseError } = riseOver(after, before);
    const [low, high] = interval95(rise, riseError, fresh);
    console.log(
      `${most} finer moves: ${taken.size} units, expected ${gain.toFixed(4)}, fresh ${rise.toFixed(4)} (${
        low.toFixed(4)
      } to ${high.toFixed(4)}), bytes ${-spare}`,
    );
  }
}
