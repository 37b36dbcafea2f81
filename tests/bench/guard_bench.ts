/**
 * How honest the measure of a repair is: repairs of a small trained model from few samples, judged by their own held-out samples and by
 * fresh ones.
 *
 *     deno run -A tests/bench/guard_bench.ts [--model data/series/pre-ln/step04096] [--text stories] [--repeats 40] [--length 64]
 *
 * Each repetition takes samples of its own, drops modules drawn at random and repairs them by every method. Counted, by the number of samples:
 * how many of the repairs that save nothing on fresh text are refused, how many of the others are refused too, and how many 95 %
 * intervals of what a repair saves contain what it saves there. "refitted" is the rule that this one replaced: the last quarter chose
 * the ridge, was fitted too, and measured, and only a loss that was worse beyond its interval was refused.
 */
import { cpuEngine } from "../../src/engine/mod.ts";
import { type DropPlan, interval95, mean, REPAIRS, toldSign } from "../../src/measure/mod.ts";
import { noDrop, RefusedRepair } from "../../src/run/mod.ts";
import { samplesOf, type Text, textOf } from "../../src/study/base/text.ts";
import { lossDifferences, perplexityGroups } from "../../src/study/passes/perplexity.ts";
import { fitsOf, repairedBy, type Repairing, repairing, repairOf } from "../../src/study/repair/fits.ts";
import { freshOf } from "../../src/study/repair/needed.ts";
import { openModel } from "../../src/subject/mod.ts";
import { readArguments } from "./shared.ts";

const { model: path, text: name, repeats, length, fresh: truth } = readArguments(
  { model: "data/series/pre-ln/step04096", text: "stories", repeats: 40, length: 64, fresh: 128 },
);
const engine = cpuEngine();
const options = { engine };
using model = await openModel(path);
const { layers } = model.spec;

let state = 1;
const draw = (below: number) => {
  state = Math.imul(state, 1664525) + 1013904223 >>> 0;
  return Math.floor(state / 2 ** 32 * below);
};
function drawnPlan(): DropPlan {
  const places = new Set(Array.from({ length: 1 + draw(3) }, () => draw(2 * layers.length)));
  const of = (kind: number) => [...places].filter((place) => place % 2 === kind).map((place) => place >> 1);
  return { attention: of(0).sort(), mlp: of(1).sort() };
}

/** The plans of all methods by both rules, as far as a method can be fitted. */
async function madeBy(fitted: Text, plan: DropPlan): Promise<(readonly [DropPlan, DropPlan])[]> {
  const found: (readonly [DropPlan, DropPlan])[] = [];
  for (const by of REPAIRS) {
    const way = repairing(model, fitted, by, false);
    const { heldOut } = way;
    try {
      found.push([await made(way, plan), await made({ ...way, choosing: heldOut, heldOut: 0 }, plan)]);
    } catch (error) {
      if (!(error instanceof RefusedRepair)) throw error;
    }
  }
  return found;
}

/** A repaired plan, judged by nothing. */
async function made(way: Repairing, plan: DropPlan): Promise<DropPlan> {
  const repair = repairOf(way, plan);
  return repairedBy(repair, await fitsOf(repair, options));
}

const text = (skip: number, samples: number) =>
  textOf(model, { text: name, skip, samples, length, bos: false });
const fresh = text(0, truth);
const counts = { "held out": tally(), refitted: tally() };
function tally() {
  return { worse: 0, worseRefused: 0, better: 0, betterRefused: 0, intervals: 0, covered: 0 };
}

for (const samples of [4, 8, 16, 24]) {
  const own = { "held out": tally(), refitted: tally() };
  for (let repeat = 0; repeat < repeats; repeat++) {
    const plan = drawnPlan();
    const fitted = text(truth + repeat * samples, samples);
    const { heldOut } = repairing(model, fitted, "mean", false);
    const plans = await madeBy(fitted, plan);
    const held = samplesOf(fitted, { from: samples - heldOut, to: samples });
    const all = [noDrop, plan, ...plans.flat()];
    const [found] = await perplexityGroups(model, [all], options, held);
    const [real] = await perplexityGroups(model, [all], options, fresh);
    for (const i of plans.keys()) {
      Object.values(own).forEach((count, rule) => {
        const at = 2 + 2 * i + rule;
        const { saved, savedError } = freshOf([found[0], found[1], found[at]]);
        const saves = mean(lossDifferences(real[1], real[at]));
        const isRefused = rule === 0 ? !(saved > 0) : toldSign(lossDifferences(found[at], found[1])) > 0;
        count[saves > 0 ? "better" : "worse"]++;
        if (isRefused) count[saves > 0 ? "betterRefused" : "worseRefused"]++;
        if (savedError === null) return;
        const [low, high] = interval95(saved, savedError, heldOut);
        count.intervals++;
        if (low <= saves && saves <= high) count.covered++;
      });
    }
  }
  for (const [rule, count] of Object.entries(own)) {
    console.log(`${samples} samples, ${rule}: ${said(count)}`);
    for (const [name, value] of Object.entries(count)) {
      counts[rule as keyof typeof counts][name as keyof typeof count] += value;
    }
  }
}
for (const [rule, count] of Object.entries(counts)) console.log(`all, ${rule}: ${said(count)}`);

function said({ worse, worseRefused, better, betterRefused, intervals, covered }: ReturnType<typeof tally>) {
  const share = (part: number, all: number) => all ? ` (${Math.round(1000 * part / all) / 10} %)` : "";
  return `refused ${worseRefused} of ${worse} that save nothing${share(worseRefused, worse)}, ` +
    `${betterRefused} of ${better} that save something${share(betterRefused, better)}; ` +
    `${covered} of ${intervals} intervals contain it${share(covered, intervals)}`;
}
