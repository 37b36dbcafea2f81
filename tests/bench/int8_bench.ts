/**
 * What int8 changes beside float32 on the CPU, for models in blocks:
 *
 *     deno run -A tests/bench/int8_bench.ts [MODEL …] [--samples 8] [--length 512] [--limit 100] [--tasks piqa,arc_easy] [--json FILE]
 *     deno run -A tests/bench/int8_bench.ts [MODEL …] --pass [--samples 4] [--length 2048] [--rounds 3]
 *
 * Importance: the largest difference relative to the largest number, Spearman's ρ of the layers, the 8 least important ones in either
 * precision. Perplexity: the difference in loss, paired over samples, with its 95 % interval. Tasks: accuracies, and how many answers
 * differ. Time is a ratio of two runs, float32 first: of use on a quiet machine alone.
 *
 * `--pass` times one forward pass without its head: in float32 with blocks, in float32 with every block widened, and in int8, in turns.
 * The first round reads the file and is the slowest; with three, the median is not of it.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { type Engine, openEngine } from "../../src/engine/mod.ts";
import { rankModules, spearman } from "../../src/measure/mod.ts";
import { evaluate, openModel, packText, perplexities, profile, type StudyModel } from "../../src/mod.ts";
import { paired } from "../../src/figures.ts";
import { forward, noDrop, segmentsOf } from "../../src/run/mod.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    samples: { type: "string" },
    length: { type: "string" },
    limit: { type: "string", default: "100" },
    tasks: { type: "string", default: "piqa,arc_easy" },
    rounds: { type: "string", default: "3" },
    pass: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const names = positionals.length > 0 ? positionals : ["smollm2-135m", "qwen2.5-coder-0.5b", "gemma-3-270m"];
const samples = Number(values.samples ?? (values.pass ? 4 : 8));
const length = Number(values.length ?? (values.pass ? 2048 : 512));
const found: Record<string, unknown> = {};
for (const name of names) {
  using model = await openModel(name);
  found[name] = values.pass ? await passes(model) : await changes(model);
  console.log(name, found[name]);
}
if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(found, null, 2) + "\n");

/** What int8 changes. No `results` are named, so that nothing is kept, and each run computes. */
async function changes(model: StudyModel) {
  const text = { samples, length, engine: "cpu" } as const;
  const profiles = await both((precision) => profile(model, { ...text, precision }));
  const losses = await both((precision) => perplexities(model, [{}], { ...text, precision }));
  const asked = {
    tasks: values.tasks.split(","),
    limit: Number(values.limit),
    prompts: 0,
    engine: "cpu",
  } as const;
  const answers = await both((precision) => evaluate(model, [{}], { ...asked, precision }));
  const [[full], [bytes]] = losses.made;
  const { difference, low, high } = paired({ ...bytes, provenance: full.provenance }, full);
  const [[right], [other]] = answers.made;
  const kinds = ["attention", "mlp"] as const;
  return {
    importance: Object.fromEntries(kinds.map((kind) => {
      const [a, b] = profiles.made.map((made) => made[kind].importance.map((value) => value ?? NaN));
      const least = profiles.made.map((made) =>
        rankModules([kind], () => made[kind].importance).slice(0, 8).map(({ layer }) => layer)
      );
      return [kind, {
        off: differs(a, b),
        rho: spearman(a, b),
        least: least.map(String),
      }];
    })),
    perplexity: { float32: full.perplexity, int8: bytes.perplexity, difference, low, high },
    tasks: Object.fromEntries(
      Object.entries(right.tasks).map(([task, { acc, n, items }]) => {
        const others = other.tasks[task];
        const chosen = ({ loglikelihoods }: (typeof items)[number]) =>
          loglikelihoods.indexOf(Math.max(...loglikelihoods));
        const differ = items.filter((item, i) => chosen(item) !== chosen(others.items[i])).length;
        return [task, { float32: acc, int8: others.acc, documents: n, answersThatDiffer: differ }];
      }),
    ),
    timeOfFloat32OverInt8: { profile: profiles.ratio, perplexity: losses.ratio, tasks: answers.ratio },
  };
}

/** Something made in float32 and in int8, and the ratio of the times. */
async function both<Made>(make: (precision: "float32" | "int8") => Promise<Made>) {
  const [one, other] = [await timed(() => make("float32")), await timed(() => make("int8"))];
  return { made: [one.made, other.made] as const, ratio: one.seconds / other.seconds };
}

/** Median times of a pass in each of three ways, and their ratios within a round. */
async function passes(model: StudyModel) {
  const { blocks } = await packText(model, { text: "stories", samples, length, skip: 0, bos: false });
  const exact = await openEngine({ engine: "cpu" });
  const engines = {
    float32: exact,
    widened: widening(exact),
    int8: await openEngine({ engine: "cpu", precision: "int8" }),
  };
  const times: Record<string, { readonly seconds: number; readonly cpu: number }[]> = {};
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const [kind, engine] of Object.entries(engines)) {
      const run = () => forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [] });
      const { seconds, cpu } = await timed(run);
      console.log(`round ${round}  ${kind} ${seconds.toFixed(1)} s, ${cpu.toFixed(1)} s of all cores`);
      (times[kind] ??= []).push({ seconds, cpu });
    }
  }
  const ratios = (of: "seconds" | "cpu") => {
    const ratio = (kind: string, to: string) =>
      median(times[kind].map((one, i) => one[of] / times[to][i][of]));
    return {
      medians: Object.fromEntries(
        Object.entries(times).map(([kind, all]) => [kind, median(all.map((one) => one[of]))]),
      ),
      float32OverInt8: ratio("float32", "int8"),
      widenedOverInt8: ratio("widened", "int8"),
      widenedOverFloat32: ratio("widened", "float32"),
    };
  };
  return { seconds: ratios("seconds"), cpu: ratios("cpu") };
}

/** An engine that takes no blocks. */
function widening(engine: Engine): Engine {
  return { ...engine, has: { ...engine.has, blocks: { ...engine.has.blocks, passes: [], steps: [] } } };
}

/** Seconds of the clock, and of all cores together, which other work changes less. */
async function timed<Made>(make: () => Promise<Made>) {
  const [start, before] = [performance.now(), process.cpuUsage()];
  const made = await make();
  const { user, system } = process.cpuUsage(before);
  return { made, seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

/** The largest difference, relative to the largest number. */
function differs(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]))) / Math.max(...a.map(Math.abs));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
