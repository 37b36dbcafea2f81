/**
 * All single removals of a kind of module, as a greedy search's first step evaluates them, beside one pass of the full model.
 *
 *     deno run -A tests/bench/removals_bench.ts [MODEL] [--kind attention] [--rounds 3] [--samples 4] [--length 512]
 *
 * The removals' time has all of it: the trie of L removals and the full model, and all their heads. The pass is the full model's layers
 * and head once. Runs are interleaved; the ratio is of the removals' time to L passes, the median is to be quoted.
 * A trie that shares prefixes has L²/2 layers, so a share near a half is what there is to win; heads are not shared.
 */
import { cpuEngine } from "../../src/engine/mod.ts";
import { cost, noDrop, score, segmentsOf } from "../../src/run/mod.ts";
import { candidatesOf, dropOfEntries } from "../../src/study/scores/score.ts";
import { provenance } from "../../src/study/base/options.ts";
import { scores } from "../../src/study/scores/mod.ts";
import { openModel, packText } from "../../src/subject/mod.ts";
import { median, readArguments, timed } from "./shared.ts";

const { names: [path = "smollm2-135m"], kind: kinds, rounds, samples, length } = readArguments(
  { kind: ["attention", "mlp", "block"], rounds: 3, samples: 4, length: 512 },
);
const model = await openModel(path);
const engine = cpuEngine();
const packed = await packText(model, { text: "stories", samples, length, skip: 0, bos: false });
const segments = segmentsOf(packed.blocks);
const ground = { model, packed, provenance: await provenance(model, packed, noDrop, { engine }) };
const size = { samples, length };

const fullPass = async () => void await score({ model, engine, segments, plans: [noDrop] });

await fullPass();
for (const kind of kinds as ("attention" | "mlp" | "block")[]) {
  const open = candidatesOf(model.spec, kind, 0);
  const plans = [noDrop, ...open.map((entry) => dropOfEntries(model.spec, [entry]))];
  const removals = plans.length - 1;
  const [ratios, shares]: number[][] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const pass = await timed(fullPass);
    const all = await timed(async () => {
      await scores.loss.modules.from.measure(ground, { open, taken: [], nll: null }, { engine });
    });
    ratios.push(all.clock / (removals * pass.clock));
    shares.push(all.processor / (removals * pass.processor));
    console.log(
      `${kind}, round ${round + 1}: one pass ${pass.clock.toFixed(2)} s, ${removals} removals ` +
        `${all.clock.toFixed(1)} s, ${ratios[round].toFixed(3)} of ${removals} passes; processors' time ` +
        shares[round].toFixed(3),
    );
  }
  const flops = (plans: Parameters<typeof cost>[1], head: boolean) =>
    cost(model.spec, plans, size, head).flops;
  const worth = flops(plans, true) / (removals * flops([noDrop], true));
  console.log(
    `${kind}: median ${median(ratios).toFixed(3)} of ${removals} passes, processors' time ${
      median(shares).toFixed(3)
    }, operations ` +
      worth.toFixed(3),
  );
}
model.close();
