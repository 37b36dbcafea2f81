/** Two models' answers to the same documents, from lm-eval's logs: paired changes, their intervals and verdicts. Documents are matched by hash, never by place. */
import { basename } from "node:path";
import {
  aPart,
  aShare,
  displayable,
  expect,
  filled,
  flag,
  type Of,
  option,
  optionsOf,
  shareOf,
  sum,
  text,
} from "core/entry/mod.ts";
import { changeOver, type Changes, changesOf, mcnemar } from "core/measure/mod.ts";
import { ACCURACY_MARGIN } from "../evaluate/mod.ts";
import { head } from "core/result/mod.ts";
import { type SamplesComparison, samplesKind, samplesName } from "./result.ts";
import { estimate, readSamples, type Sample, type TaskSamples } from "core/tasks/mod.ts";

/** The checks of `SamplesOptions`, option by option. */
export const samplesChecks = {
  /** Whether documents that only one model has are left out; else they are an error. */
  common: option(flag, "leave out documents and tasks that only one has"),
  /** Difference in accuracy that counts as none, such as 0.01 or "1%"; default: 0.02, two points. */
  margin: option(
    aShare(aPart),
    "<share> largest difference of accuracy that counts as none, for example 0.01 or 1% for one point",
    ACCURACY_MARGIN,
  ),
};

/** Options of `compareSamples`. */
export type SamplesOptions = Of<typeof samplesChecks>;

type Pair = readonly [Sample, Sample];

/**
 * Compares two models by what lm-eval 0.4.2 and later logged of them (`--log_samples`): two files, or two folders with a file for each task. Every metric that
 * is 1 for a right answer and 0 for a wrong one has its change, with an exact 95 % interval, a verdict, the flips in each direction, and
 * McNemar's exact p. Throws `Error` that names file and line of what is not as lm-eval writes it, and `RangeError` for documents or tasks that only one model has, unless `common` is set.
 *
 * @example Not run by tests: it needs logs of lm-eval
 * ```ts ignore
 * import { compareSamples } from "lamina";
 *
 * const { tasks } = await compareSamples("full/samples_piqa.jsonl", "dropped/samples_piqa.jsonl");
 * console.log(tasks[0].change, tasks[0].gained, tasks[0].lost);
 * ```
 */
export async function compareSamples(
  a: string,
  b: string,
  options: SamplesOptions = {},
): Promise<SamplesComparison> {
  expect("compare samples", "the first", a, text);
  expect("compare samples", "the second", b, text);
  expect("compare samples", "options", options, optionsOf(samplesChecks));
  const margin = shareOf(filled(samplesChecks, options).margin, aPart);
  const names: [string, string] = [basename(a), basename(b)];
  const both = [await readSamples(a), await readSamples(b)] as const;
  const joined = joinTasks(both, [a, b], options.common ?? false);
  const apart: SamplesComparison["apart"] = {};
  const tasks = joined.flatMap(([first, second]) => {
    const { pairs, only } = pairsOf(first, second);
    if (pairs.length === 0 || sum(only) > 0 && !options.common) {
      const found = `${only[0]} documents only in ${first.file} and ${only[1]} only in ${second.file}`;
      const what = options.common ? "at least one in both" : "the same in both, or `common`";
      throw new RangeError(`Cannot compare samples of ${first.task}: found ${found}, expected ${what}`);
    }
    const metrics = [...new Set(pairs.flatMap(([{ values }]) => Object.keys(values)))]
      .filter((metric) => pairs.every((pair) => pair.every(({ values }) => Object.hasOwn(values, metric))));
    const others = [first, second].flatMap(({ others, samples }) => [
      ...others,
      ...samples.flatMap(({ values }) => Object.keys(values).filter((name) => !metrics.includes(name))),
    ]);
    apart[samplesName(first)] = {
      only,
      prompts: pairs.filter(([one, other]) => one.prompt !== other.prompt).length,
      metrics: [...new Set(others)].sort(),
    };
    return metrics.map((metric) => pairedOf(first, metric, pairs, margin));
  });
  if (tasks.length === 0) {
    throw new RangeError(
      `Cannot compare samples of ${a} and ${b}: found no metric that is 0 or 1 for every document, expected at least one`,
    );
  }
  const mains = [...Map.groupBy(tasks, samplesName).values()]
    .map((own) => own.find(({ metric }) => metric === "acc_norm") ?? own[0]);
  return displayable({
    ...head(samplesKind),
    names,
    tasks,
    average: mains.length < 2
      ? null
      : changeOver(mains.map(({ gained, lost, change: { n } }): Changes => ({ n, gained, lost })), margin),
    apart,
  });
}

/** The tasks of both, by name; one task in each may have different names, as of files that were renamed. */
function joinTasks(
  [a, b]: readonly [readonly TaskSamples[], readonly TaskSamples[]],
  [nameA, nameB]: readonly [string, string],
  common: boolean,
): (readonly [TaskSamples, TaskSamples])[] {
  if (a.length === 1 && b.length === 1 && a[0].filter === b[0].filter) return [[a[0], b[0]]];
  const [ofA, ofB] = [a, b].map((tasks) => new Map(tasks.map((task) => [samplesName(task), task])));
  const missing = [...ofA.keys(), ...ofB.keys()].filter((key) => !ofA.has(key) || !ofB.has(key));
  const shared = [...ofA.keys()].filter((key) => ofB.has(key));
  if (shared.length === 0 || missing.length > 0 && !common) {
    throw new RangeError(
      `Cannot compare samples of ${nameA} and ${nameB}: found ${
        missing.join(", ")
      } in one alone, expected the same tasks` +
        (shared.length === 0 ? "" : ", or `common`"),
    );
  }
  return shared.map((key) => [ofA.get(key)!, ofB.get(key)!]);
}

/** Samples of equal documents, in the first one's order; documents that a data set has several times in the order of their places. */
function pairsOf(a: TaskSamples, b: TaskSamples): { pairs: Pair[]; only: [number, number] } {
  const byHash = ({ samples }: TaskSamples) =>
    Map.groupBy(samples.toSorted((x, y) => x.id - y.id), ({ hash }) => hash);
  const [ofA, ofB] = [byHash(a), byHash(b)];
  const pairs = [...ofA].flatMap(([hash, own]) => {
    const others = ofB.get(hash) ?? [];
    return own.slice(0, others.length).map((sample, i): Pair => [sample, others[i]]);
  });
  for (const [one, other] of pairs) {
    if (one.target === other.target) continue;
    throw new RangeError(
      `Cannot compare samples of ${a.task}: found different targets of one document in ${a.file}, line ${one.line}, and ${b.file}, line ${other.line}, expected the same`,
    );
  }
  return { pairs, only: [a.samples.length - pairs.length, b.samples.length - pairs.length] };
}

function pairedOf({ task, filter }: TaskSamples, metric: string, pairs: readonly Pair[], margin: number) {
  const [one, other] = [0, 1].map((side) => pairs.map((pair) => pair[side].values[metric]));
  const changes = changesOf(other, one);
  const estimates = [one, other].map((values) => estimate("acc", values.map((acc) => ({ acc }))));
  return {
    task,
    filter,
    metric,
    accuracy: pairOf(estimates.map(({ value }) => value)),
    stderr: pairOf(estimates.map(({ stderr }) => Number.isNaN(stderr) ? null : stderr)),
    gained: changes.gained,
    lost: changes.lost,
    mcnemar: mcnemar(changes),
    change: changeOver([changes], margin),
  };
}

const pairOf = <T>([one, other]: readonly T[]): [T, T] => [one, other];
