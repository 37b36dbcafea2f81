/**
 * `fit` against brute force: every subset of the 16 modules of a committed model, 65,536 plans, on the samples that choose. The best plan
 * by force is the largest whose 95 % interval keeps the promise there; what both cost is then measured on samples that chose neither.
 *
 *     deno run -A tests/bench/fit_bench.ts [--model data/series/pre-ln/step04096] [--samples 8] [--length 64] [--no-force]
 */
import { interval95, planText } from "../../src/measure/mod.ts";
import { type DropPlan, noDrop } from "../../src/run/mod.ts";
import { fit, type Order, profile } from "../../src/study/mod.ts";
import { perplexityGroups, riseOver } from "../../src/study/passes/perplexity.ts";
import { savesOf } from "../../src/study/orders/sizes.ts";
import { openModel, sizesOf } from "../../src/subject/mod.ts";
import { samplesOf, textOf } from "../../src/study/base/text.ts";
import { readArguments } from "./shared.ts";

const { model: path, samples, length, force } = readArguments( // samples of each half
  { model: "data/series/pre-ln/step04096", samples: 8, length: 64, force: true },
);
const size = { samples: 2 * samples, length };
const promises = [0.05, 0.1, 0.2, 0.4, 0.8];
const searches: readonly (readonly Order[])[] = [["importance"], ["importance", "loss"], [
  "importance",
  "loss",
  "greedy",
]];

using model = await openModel(path);
const { layers } = model.spec;
const sizes = sizesOf(model.spec);
const text = textOf(model, { ...size, text: "wiki" });
const [choosing, confirming] = [[0, samples], [samples, 2 * samples]].map(([from, to]) =>
  samplesOf(text, { from, to })
);

/** Plans that drop the modules of a number's bits; attention of layer l is bit 2l, its MLP bit 2l + 1. */
function planOf(bits: number): DropPlan {
  const dropped = (module: number) => layers.flatMap((_, l) => bits >> (2 * l + module) & 1 ? [l] : []);
  return { attention: dropped(0), mlp: dropped(1) };
}

interface Cost {
  readonly plan: DropPlan;
  readonly saved: number;
  readonly rise: number;
  readonly high: number;
}

async function costs(plans: readonly DropPlan[], on: typeof text): Promise<Cost[]> {
  const [[full, ...runs]] = await perplexityGroups(model, [[noDrop, ...plans]], {}, on);
  return runs.map((run, i) => {
    const { rise, riseError } = riseOver(run, full);
    return {
      plan: plans[i],
      saved: savesOf(plans[i], sizes, 1).parameters,
      rise,
      high: interval95(rise, riseError, run.sums.length)[1],
    };
  });
}

// Plans of a group share their first layers, so that the states of few are there at a time.
const half = layers.length; // modules of the first half of the layers
const every: Cost[] = [];
const began = performance.now();
for (let first = 0; force && first < 2 ** half; first++) {
  const plans = Array.from({ length: 2 ** half }, (_, last) => planOf(first + last * 2 ** half));
  every.push(...await costs(plans, choosing));
  if (first % 16 === 15) {
    console.error(`${every.length} plans in ${Math.round((performance.now() - began) / 1000)} s`);
  }
}
const forced = (performance.now() - began) / 1000;

const importance = await profile(model, { samples, length: size.length });
const describe = ({ plan, saved, rise, high }: Cost) =>
  `${(100 * saved / sizes.parameters).toFixed(1)} % saved, ${rise.toFixed(3)} nats (at most ${
    high.toFixed(3)
  }): ${planText(plan)}`;

if (force) console.log(`${every.length} plans by force: ${forced.toFixed(0)} s`);
for (const loss of promises) {
  console.log(`\nat most ${loss} nats per token`);
  if (force) await showBest(loss);
  for (const by of searches) await showFit(loss, by);
}

async function showBest(loss: number): Promise<void> {
  const best = every.filter(({ high }) => high <= loss)
    .reduce((most, one) =>
      one.saved > most.saved || one.saved === most.saved && one.rise < most.rise ? one : most
    );
  const [confirmed] = await costs([best.plan], confirming);
  console.log(`  by force, chosen     ${describe(best)}`);
  console.log(
    `  by force, confirming ${describe(confirmed)}${confirmed.high > loss ? " (breaks the promise)" : ""}`,
  );
}

async function showFit(loss: number, by: readonly Order[]): Promise<void> {
  const start = performance.now();
  const result = await fit(model, {
    ...size,
    loss,
    by,
    profile: importance,
    calibration: { samples, length: size.length },
    time: false,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const name = `  fit by ${by.join(", ")}`;
  if (result.answer === null) {
    console.log(`${name}: nothing, ${result.tried.length} plans, ${seconds} s`);
    return;
  }
  const { drop } = result.tried[result.answer];
  const [[choice], [own]] = [await costs([drop], choosing), await costs([drop], confirming)];
  const cheaper = every.filter(({ saved, rise }) => saved >= choice.saved && rise < choice.rise).length;
  console.log(
    `${name} (${result.tried.length} plans, ${seconds} s)\n    chosen     ${
      describe(choice)
    }\n    confirming ${
      describe(own)
    }\n    ${cheaper} of the ${every.length} plans save as much and cost less on the samples that choose`,
  );
}
