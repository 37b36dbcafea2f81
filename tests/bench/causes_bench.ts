/**
 * Attention statistics of one long text (T = 8192) on the CPU, beside the plain pass over it.
 *
 *     deno run -A tests/bench/causes_bench.ts MODEL [--rounds 3] [--length 8192] [--strides 1,8] [--python PYTHON]
 *
 * MODEL is a .gguf file or a folder in Hugging Face layout (without `--python`, whatever the command line takes). Runs
 * are interleaved: the plain pass, then one with statistics per stride; ratios are within a round, the median is to be
 * quoted. Seconds by the clock, and of processor time: on a machine that does
 * other things as well only the latter compare. Memory is the peak of anonymous memory (Linux) of a process of its own
 * that does nothing but the exact pass, read after each module.
 *
 * With `--python` (an environment with tests/fixtures/requirements.txt) the statistics of 512 tokens are held against
 * those of Hugging Face's attention matrices: the largest difference over layers, heads and queries.
 * A key at the edge of 1 % may count on one side only: that is 1/n of the n keys that a query sees.
 */
import { PATTERN_NAMES } from "core/measure/mod.ts";
import { cpuEngine } from "core/engine/native/cpu.ts";
import { attentionStatsProbe, type Blocks, forward, noDrop, type Probe, segmentsOf } from "core/run/mod.ts";
import { openModel, packText } from "core/subject/mod.ts";
import {
  fromPython,
  inWords,
  median,
  peakOf,
  printedAgain,
  readArguments,
  type Seconds,
  timed,
} from "./shared.ts";
import { withFolder } from "../support.ts";

const { names: [name], rounds, length, strides: told, python, memory } = readArguments(
  { rounds: 3, length: 8192, strides: "1,8", python: "", memory: false },
);
const strides = told.split(",").map(Number);

const model = await openModel(name);
const { layers } = model.spec;
const blocks = await text(length);
if (memory) {
  console.log(await peakOf((look) => pass([attentionStatsProbe(layers, () => null)], look)));
} else {
  const ratios = strides.map(() => ({ clock: [] as number[], processor: [] as number[] }));
  for (let round = 1; round <= rounds; round++) {
    const plain = await pass([]);
    console.log(`round ${round}  plain ${inWords(plain)}`);
    for (const [i, stride] of strides.entries()) {
      const own = await pass([attentionStatsProbe(layers, () => null, { stride })]);
      const [clock, processor] = [own.clock / plain.clock, own.processor / plain.processor];
      ratios[i].clock.push(clock);
      ratios[i].processor.push(processor);
      const times = `ratio ${clock.toFixed(2)}, of processor time ${processor.toFixed(2)}`;
      console.log(`         every query of ${stride} ${inWords(own)}: ${times}`);
    }
  }
  strides.forEach((stride, i) => {
    const [clock, processor] = [median(ratios[i].clock), median(ratios[i].processor)];
    console.log(
      `every query of ${stride}  median ratio ${clock.toFixed(2)}, of processor time ${processor.toFixed(2)}`,
    );
  });
  const peak = Number(printedAgain(import.meta.url, "--memory"));
  console.log(`peak anonymous memory of the exact pass  ${peak.toFixed(0)} MB`);
  if (python) await compare();
}
model.close();

async function text(length: number): Promise<Blocks> {
  return (await packText(model, { text: "stories", samples: 1, length, skip: 0, bos: false })).blocks;
}

/** One pass over the layers, the compilation of its graphs included. */
async function pass(probes: Probe[], onProgress = () => {}): Promise<Seconds> {
  const [segments, plans] = [segmentsOf(blocks), [noDrop]];
  return await timed(() => forward({ model, engine: cpuEngine(), segments, plans, probes, onProgress }));
}

/** Prints how far the statistics of 512 tokens are from those of Hugging Face. */
async function compare(): Promise<void> {
  const length = 512;
  const blocks = await text(length);
  const probe = attentionStatsProbe(layers, (stats) => stats);
  const [segments, plans] = [segmentsOf(blocks), [noDrop]];
  await forward({ model, engine: cpuEngine(), segments, plans, probes: [probe] });
  const expected = await reference(blocks);
  const names = PATTERN_NAMES.length;
  for (const [i, stat] of PATTERN_NAMES.entries()) {
    let [most, largest] = [0, 0];
    probe.stats.forEach((samples, l) => {
      const own = samples![0].stats[stat];
      const theirs = expected.subarray((l * names + i) * own.length, (l * names + i + 1) * own.length);
      own.forEach((value, row) => {
        most = Math.max(most, Math.abs(value - theirs[row]));
        largest = Math.max(largest, theirs[row]);
      });
    });
    console.log(
      `${stat}  differs by at most ${most.toExponential(1)}, of values up to ${largest.toPrecision(4)}`,
    );
  }
}

/** [L, 7, H, T] of attention_reference.py. */
function reference({ ids, length }: Blocks): Promise<Float64Array> {
  return withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/ids`, new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
    const files = ["--ids", `${folder}/ids`, "--length", String(length), "--out", `${folder}/stats`];
    fromPython(python, "attention_reference.py", name, ...files);
    return new Float64Array((await Deno.readFile(`${folder}/stats`)).buffer);
  });
}
