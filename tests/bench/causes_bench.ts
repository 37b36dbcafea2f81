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
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PATTERN_NAMES } from "../../src/measure/mod.ts";
import { cpuEngine } from "../../src/engine/mod.ts";
import {
  attentionStatsProbe,
  type Blocks,
  forward,
  noDrop,
  type Probe,
  segmentsOf,
} from "../../src/run/mod.ts";
import { openModel, packText } from "../../src/subject/mod.ts";

const { values, positionals: [name] } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    length: { type: "string", default: "8192" },
    strides: { type: "string", default: "1,8" },
    python: { type: "string" },
    memory: { type: "boolean", default: false },
  },
});
const [rounds, length] = [values.rounds, values.length].map(Number);
const strides = values.strides.split(",").map(Number);

const model = await openModel(name);
const { layers } = model.spec;
const blocks = await text(length);
if (values.memory) {
  console.log(await peakOfPass([attentionStatsProbe(layers, () => null)]));
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
  const again = ["run", "-A", fileURLToPath(import.meta.url), ...Deno.args, "--memory"];
  const peak = Number(execFileSync(Deno.execPath(), again, { encoding: "utf-8" }));
  console.log(`peak anonymous memory of the exact pass  ${peak.toFixed(0)} MB`);
  if (values.python) await compare(values.python);
}
model.close();

async function text(length: number): Promise<Blocks> {
  return (await packText(model, { text: "stories", samples: 1, length, skip: 0, bos: false })).blocks;
}

interface Seconds {
  readonly clock: number;
  readonly processor: number;
}

/** One pass over the layers, the compilation of its graphs included. */
async function pass(probes: Probe[], onProgress = () => {}): Promise<Seconds> {
  const [start, used] = [performance.now(), process.cpuUsage()];
  await forward({
    model,
    engine: cpuEngine(),
    segments: segmentsOf(blocks),
    plans: [noDrop],
    probes,
    onProgress,
  });
  const { user, system } = process.cpuUsage(used);
  return { clock: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
}

/** Prints how far the statistics of 512 tokens are from those of Hugging Face. */
async function compare(python: string): Promise<void> {
  const length = 512;
  const blocks = await text(length);
  const probe = attentionStatsProbe(layers, (stats) => stats);
  await forward({
    model,
    engine: cpuEngine(),
    segments: segmentsOf(blocks),
    plans: [noDrop],
    probes: [probe],
  });
  const expected = await reference(python, blocks);
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
async function reference(python: string, { ids, length }: Blocks): Promise<Float64Array> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/ids`, new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
    const script = fileURLToPath(new URL("attention_reference.py", import.meta.url));
    const files = ["--ids", `${folder}/ids`, "--length", String(length), "--out", `${folder}/stats`];
    execFileSync(python, [script, name, ...files]);
    return new Float64Array((await Deno.readFile(`${folder}/stats`)).buffer);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function inWords({ clock, processor }: Seconds): string {
  return `${clock.toFixed(1)} s (${processor.toFixed(1)} s of processor time)`;
}

/** Megabytes of anonymous memory at the most. */
async function peakOfPass(probes: Probe[]): Promise<number> {
  let most = 0;
  await pass(probes, () => most = Math.max(most, anonymousMegabytes()));
  return most;
}

function anonymousMegabytes(): number {
  const line = readFileSync("/proc/self/status", "utf-8").match(/RssAnon:\s+(\d+) kB/);
  return line ? Number(line[1]) / 1024 : NaN;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}
