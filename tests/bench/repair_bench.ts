/**
 * The pass of a repair beside a profile of the same text, and the solve of a wide layer, on the CPU.
 *
 *     deno run -A tests/bench/repair_bench.ts MODEL [--rounds 3] [--samples 24] [--length 512] [--by linear]
 *     deno run -A tests/bench/repair_bench.ts --size 4096 [--rounds 1]
 *
 * MODEL is whatever the command line takes. The first gathers the second moments of all attentions on the full model's stream, as
 * `repair --by linear` does, without solving them; rounds are interleaved, and the median of ratios within a round is to be quoted. The
 * second fits as many targets as inputs from random sums, held-out ones beside them, with the choice of ε. Seconds by the clock, and of
 * processor time: on a machine that does other things as well only the latter compare.
 */
import { cpuEngine } from "../../src/engine/mod.ts";
import { type DropPlan, noDrop, type RepairName } from "../../src/measure/mod.ts";
import { type Moments, openProducts, ridge } from "../../src/run/mod.ts";
import { noMoments } from "../../src/run/repair/moments.ts";
import { profile } from "../../src/study/mod.ts";
import { methods } from "../../src/study/repair/methods.ts";
import { sitesOf } from "../../src/study/repair/sites.ts";
import { solve } from "../../src/study/repair/solve.ts";
import { openModel, packText } from "../../src/subject/mod.ts";
import { inWords, median, readArguments, timed } from "./shared.ts";

const { names: [name], rounds, size, by: named, ...sizes } = readArguments(
  { rounds: 0, samples: 24, length: 512, by: "linear", size: 0 },
);
const engine = cpuEngine();
if (size) await solves(size, rounds || 1);
else await passes(name, rounds || 3);

async function passes(name: string, rounds: number): Promise<void> {
  using model = await openModel(name);
  const text = { text: "stories", ...sizes, skip: 0, bos: false };
  const packed = await packText(model, text);
  const by = named as RepairName;
  // No solution: the time of a fit is that of the other part.
  const method = { ...methods[by], gain: () => 1 };
  const plan: DropPlan = { ...noDrop, attention: [...model.spec.layers.keys()] };
  const sites = sitesOf(name, model.spec, plan, by, method, false);
  const ratios: number[][] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    const plain = await timed(() => profile(model, { ...text, engine: "cpu" }));
    const job = {
      model,
      packed,
      plan,
      method,
      sequential: false,
      sites,
      choosing: 0,
      heldOut: sizes.samples >> 2,
    };
    const own = await timed(() => solve(job, [], async () => {}, { engine }));
    ratios[0].push(own.clock / plain.clock);
    ratios[1].push(own.processor / plain.processor);
    console.log(`round ${round}  profile ${inWords(plain)}, moments ${inWords(own)}`);
  }
  const [clock, processor] = ratios.map((own) => median(own).toFixed(2));
  console.log(`median ratio ${clock}, of processor time ${processor}`);
}

/** Sums that are positive definite: a diagonal above random numbers. */
function sums(size: number, seed: number): Moments {
  const own = noMoments(size, size);
  let state = seed;
  const draw = () => (state = Math.imul(state, 1664525) + 1013904223 >>> 0) / 2 ** 32 - 0.5;
  for (let row = 0; row < size; row++) {
    for (let i = 0; i <= row; i++) {
      const value = i === row ? size ** 0.5 * 2 : draw();
      own.uu[row * size + i] = own.uu[i * size + row] = value;
    }
  }
  own.tu.forEach((_, i) => own.tu[i] = draw());
  return Object.assign(own, { tokens: 10 * size, weight: 1, tt: size ** 2 });
}

async function solves(size: number, rounds: number): Promise<void> {
  const products = await openProducts(engine);
  const [training, heldOut] = [sums(size, 1), sums(size, 2)];
  for (let round = 1; round <= rounds; round++) {
    const own = await timed(async () => {
      const { strength, left } = await ridge({ fitting: training, choosing: heldOut, heldOut }, {
        centred: true,
      }, products);
      console.log(`ε ${strength}, left ${left}`);
    });
    console.log(`${size} × ${size}  ${inWords(own)}`);
  }
  await products.release();
}
