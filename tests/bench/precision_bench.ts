/**
 * What a precision changes beside float32 on the CPU; by default int8, for models in blocks:
 *
 *     deno run -A tests/bench/precision_bench.ts [MODEL …] [--engine cpu] [--precision int8] [--samples 8] [--length 512] [--limit 100]
 *         [--tasks piqa,arc_easy] [--json FILE]
 *     deno run -A tests/bench/precision_bench.ts [MODEL …] --pass [--engine cpu] [--precision int8] [--samples 4] [--length 2048] [--rounds 3]
 *
 * Importance: the largest difference relative to the largest number, Spearman's ρ of the layers, the 8 least important ones in either
 * precision. Perplexity: the difference in loss, paired over samples, with its 95 % interval. Tasks: accuracies, and how many answers
 * differ. Time is a ratio of two runs, float32 first: of use on a quiet machine alone.
 *
 * `--pass` times one forward pass without its head, in turns: in float32 with blocks, in float32 with every block widened, in float32 on
 * the other engine, and in the precision.
 * The first round reads the file and is the slowest; with three, the median is not of it.
 */
import { type Engine, openEngine, type Wanted } from "core/engine/mod.ts";
import { rankModules, spearman } from "core/measure/mod.ts";
import { evaluate } from "features/evaluate/study.ts";
import { openModel, type StudyModel } from "core/subject/model.ts";
import { packText } from "core/subject/texts.ts";
import { paired, perplexities } from "features/losses/study.ts";
import { profile } from "features/profile/study.ts";
import { forward, noDrop, segmentsOf } from "core/run/mod.ts";
import { inWords, median, readArguments, type Seconds, timed } from "./shared.ts";

const { names: given, engine: on, precision, limit, tasks, rounds, pass, json, ...values } = readArguments(
  {
    ...{ engine: "cpu", precision: "int8", samples: 0, length: 0, limit: 100, tasks: "piqa,arc_easy" },
    ...{ rounds: 3, pass: false, json: "" },
  },
);
const exact = { engine: "cpu", precision: "float32" } as const;
const other = { engine: on, precision } as Wanted;
const names = given.length > 0 ? given : ["smollm2-135m", "qwen2.5-coder-0.5b", "gemma-3-270m"];
const samples = values.samples || (pass ? 4 : 8);
const length = values.length || (pass ? 2048 : 512);
const found: Record<string, unknown> = {};
for (const name of names) {
  using model = await openModel(name);
  found[name] = pass ? await passes(model) : await changes(model);
  console.log(name, found[name]);
}
if (json) await Deno.writeTextFile(json, JSON.stringify(found, null, 2) + "\n");

/** What the precision changes. No `results` are named, so that nothing is kept, and each run computes. */
async function changes(model: StudyModel) {
  const text = { samples, length };
  const profiles = await both((wanted) => profile(model, { ...text, ...wanted }));
  const losses = await both((wanted) => perplexities(model, [{}], { ...text, ...wanted }));
  const asked = { tasks: tasks.split(","), limit, prompts: 0 };
  const answers = await both((wanted) => evaluate(model, [{}], { ...asked, ...wanted }));
  const [[full], [rounded]] = losses.made;
  const { rise, low, high } = paired({ ...rounded, provenance: full.provenance }, full);
  const [[right], [answered]] = answers.made;
  const kinds = ["attention", "mlp"] as const;
  return {
    importance: Object.fromEntries(kinds.map((kind) => {
      const [a, b] = profiles.made.map((made) => made[kind].importance.map((value) => value ?? NaN));
      const least = profiles.made.map((made) =>
        rankModules([kind], () => made[kind].importance).slice(0, 8).map(({ layer }) => layer)
      );
      return [kind, { off: differs(a, b), rho: spearman(a, b), least: least.map(String) }];
    })),
    perplexity: { float32: full.perplexity, [precision]: rounded.perplexity, rise, low, high },
    tasks: Object.fromEntries(
      Object.entries(right.tasks).map(([task, { acc, n, items }]) => {
        const others = answered.tasks[task];
        const chosen = ({ loglikelihoods }: (typeof items)[number]) =>
          loglikelihoods.indexOf(Math.max(...loglikelihoods));
        const differ = items.filter((item, i) => chosen(item) !== chosen(others.items[i])).length;
        return [task, { float32: acc, [precision]: others.acc, documents: n, answersThatDiffer: differ }];
      }),
    ),
    timeOfFloat32: { profile: profiles.ratio, perplexity: losses.ratio, tasks: answers.ratio },
  };
}

/** Something made in float32 and in the precision, and the ratio of the times. */
async function both<Made>(make: (wanted: Wanted) => Promise<Made>) {
  const [one, two] = [await timed(() => make(exact)), await timed(() => make(other))];
  return { made: [one.made, two.made] as const, ratio: one.clock / two.clock };
}

/** Median times of a pass in each of these ways, and their ratios within a round. */
async function passes(model: StudyModel) {
  const { blocks } = await packText(model, { text: "stories", samples, length, skip: 0, bos: false });
  const own = await openEngine(exact);
  const engines = {
    float32: own,
    widened: widening(own),
    ...other.engine === "cpu"
      ? {}
      : { [`float32 on ${on}`]: await openEngine({ ...other, precision: "float32" }) },
    [precision]: await openEngine(other),
  };
  const times: Record<string, Seconds[]> = {};
  for (let round = 1; round <= rounds; round++) {
    for (const [kind, engine] of Object.entries(engines)) {
      const run = () => forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [] });
      const seconds = await timed(run);
      console.log(`round ${round}  ${kind} ${inWords(seconds)}`);
      (times[kind] ??= []).push(seconds);
    }
  }
  const ratios = (of: keyof Seconds) => {
    const ratio = (kind: string, to: string) =>
      median(times[kind].map((one, i) => one[of] / times[to][i][of]));
    return {
      medians: Object.fromEntries(
        Object.entries(times).map(([kind, all]) => [kind, median(all.map((one) => one[of]))]),
      ),
      float32Over: Object.fromEntries(Object.keys(times).map((kind) => [kind, ratio("float32", kind)])),
      widenedOver: Object.fromEntries(Object.keys(times).map((kind) => [kind, ratio("widened", kind)])),
    };
  };
  return { seconds: ratios("clock"), cpu: ratios("processor") };
}

function widening(engine: Engine): Engine {
  return { ...engine, has: { ...engine.has, blocks: { ...engine.has.blocks, passes: [], steps: [] } } };
}

/** The largest difference, relative to the largest number. */
function differs(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]))) / Math.max(...a.map(Math.abs));
}
