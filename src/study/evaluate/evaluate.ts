/**
 * Benchmark tasks under several plans, equal to lm-eval 0.4.13 in prompts, shots and scores. All plans run as one trie together with the full
 * model. What is finished is kept (parts.ts), so that an interrupted evaluation goes on where it stopped, and one with another plan runs that plan alone.
 */
import { mean, planHash } from "../../measure/mod.ts";
import {
  aPart,
  aShare,
  type Check,
  type Checks,
  list,
  number,
  oneOf,
  option,
  reportChecks,
  type Reports,
  reportsOf,
  required,
  shareOf,
  text,
  wholeNumber,
} from "../../entry/mod.ts";
import {
  ACCURACY_MARGIN,
  type Evaluation,
  head,
  joinHashes,
  type Keeping,
  type Main,
  type Plan,
  type Provenance,
} from "../../result/mod.ts";
import { cpuLowering } from "../../engine/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import { noticeBeyond, onModel, type StudyModel } from "../../subject/mod.ts";
import { type BosRule, type Metric, suites, taskGroups, taskNames, tasksNamed } from "../../tasks/mod.ts";
import { BASE_BYTES } from "../base/estimate.ts";
import { draftOf } from "../base/draft.ts";
import { expectRoom } from "../base/memory.ts";
import {
  engineChecks,
  engineOf,
  type EngineOptions,
  type Forcing,
  forcingChecks,
  memoryOf,
} from "../base/options.ts";
import { type EvaluatedText, leakGuard, withLeaks } from "../base/leak.ts";
import { aDrop, dropsIn, type OverPlans } from "../base/plan.ts";
import { type RunOptions, type Stage, stage } from "../base/stage.ts";
import { run, step, type Study } from "../base/study.ts";
import { askTask, contextLength, type Part, rowFinder, type Setting, WRITTEN } from "./asked.ts";
import { runParts } from "./parts.ts";
import { type EvaluatePrice, partFlops, price, readBytes, textFlops, writeBytes } from "./price.ts";
import { summarise } from "./summary.ts";
import { PROMPT, TOKENS, writeTexts, writing } from "./writing.ts";

/** Options of `evaluate`: the tasks, and how they are run. */
export interface EvaluateOptions extends Keeping, Reports, EngineOptions, Forcing {
  /**
   * Tasks and groups, by lm-eval's names; or probes, whose documents are made here: `arithmetic` (`arithmetic_1` and `arithmetic_2` have
   * one count of digits), `brackets`, `induction` (`induction_64` has a shorter list) and `passkey_512`, whose number is the length of
   * the text in tokens, up to what the model reads. Set either `tasks` or `suite`, which has its own shots.
   */
  readonly tasks?: readonly string[] | undefined;
  /** `paper`: the paper's nine tasks at its shots; `paper-llama-3`: its four for Llama 3. */
  readonly suite?: string | undefined;
  /** Number of solved examples in front of each document; default: the task's own, 0 for most tasks. */
  readonly shots?: number | undefined;
  /** Number of documents of each task, from the first on; default: all. */
  readonly limit?: number | undefined;
  /** Whether texts begin with BOS: as in the tokenizer's files (default), never (as in the paper), or always. */
  readonly bos?: BosRule | undefined;
  /** Seed of the random stream that draws the shots; default: lm-eval's 1234. */
  readonly seed?: number | undefined;
  /** Difference in accuracy that counts as no degradation, such as 0.01 or "1%"; default: 0.02, two points. */
  readonly margin?: number | string | undefined;
  /** Number of texts that every plan continues, as samples of its writing; default: 8; 0 skips them. */
  readonly prompts?: number | undefined;
}

/** The tasks of a command that names none. */
export const DEFAULT_TASKS: readonly string[] = ["piqa", "arc_easy", "openbookqa"];
/** lm-eval's. */
export const SHOTS_SEED = 1234;
/** Texts that every plan continues. */
const PROMPTS = 8;

const aSeed = number("a whole number below 2³²", (value) => value >>> 0 === value);
const someTasks: Check = list(text, "names of tasks");

/** Checks of what is asked. */
const evaluateChecks: Checks<EvaluateOptions> = {
  tasks: option(
    someTasks,
    "<names> tasks, for example piqa,mmlu_anatomy; arithmetic, brackets, induction and passkey_… are made here and need no data, " +
      `and a passkey's text may have any length; choose from ${
        taskNames.filter((name) => !name.startsWith("mmlu_")).join(", ")
      }, mmlu_SUBJECT, ${Object.keys(taskGroups).join(", ")}`,
    DEFAULT_TASKS,
  ),
  suite: option(oneOf(Object.keys(suites)), "<name> a paper's tasks at its shots, instead of `tasks`"),
  shots: option(wholeNumber(0), "<k> number of few-shot examples", "the task's own, mostly 0"),
  limit: option(wholeNumber(1), "<n> use only the first n documents of each task", "all"),
  bos: option(
    oneOf(["tokenizer", "never", "always"]),
    "<rule> when to start texts with BOS; tokenizer follows the tokenizer's files, never is the paper's setting",
    "tokenizer",
  ),
  margin: option(
    aShare(aPart),
    "<share> largest loss of accuracy that counts as equivalent, for example 0.01 or 1% for one point",
    ACCURACY_MARGIN,
  ),
  prompts: option(wholeNumber(0), "<n> prompts that each plan continues in writing; 0 skips it", PROMPTS),
  seed: option(aSeed, "<n> seed of the few-shot examples", SHOTS_SEED),
  ...engineChecks,
  ...forcingChecks,
  ...reportChecks,
  results: text,
};

/** Tokens whose states are more than are ever there at once. */
const LONG = 2 ** 20;

/**
 * Evaluates a model on benchmark tasks under each plan, and returns the results in the plans' order. The full model always runs, because
 * the other plans are compared with it: `against` is how accuracy changes, `kept` the share of answers that stay the same, and `logprob`
 * the log-probability of the right answers in nats. Where at least 1 % of the 13-token sequences of a task occur in the text that a plan
 * was calibrated on, the plan's result says so in `shared`. Throws `RangeError` for an unknown task, if a task has too few rows for the
 * shots, or if the model cannot read a probe's text whole.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { evaluate } from "lamina";
 *
 * const [full, dropped] = await evaluate("smollm2-135m", [{}, { attention: [25] }], { tasks: ["piqa"], limit: 100 });
 * const { acc, metrics, logprob } = dropped.tasks.piqa;
 * console.log(full.tasks.piqa.acc, acc, metrics.acc.against, metrics.acc.kept, logprob);
 * ```
 */
export async function evaluate(
  model: StudyModel | string,
  plans: readonly (Plan | Partial<DropPlan>)[],
  options: EvaluateOptions = {},
): Promise<Evaluation[]> {
  return await run(evaluateStudy, model, { ...options, plans });
}

/** What `evaluate` consists of: parts of its tasks, and the texts that each plan writes. */
export const evaluateStudy: Study<StudyModel, OverPlans<EvaluateOptions>, Evaluation[], EvaluatePrice> = {
  verb: "evaluate",
  checks: { ...evaluateChecks, plans: required(list(aDrop, "plans")) },
  on: onModel,
  async work(model, options) {
    const wanted = options.plans.map((plan) => dropsIn(model, plan));
    const distinct = distinctPlans(wanted);
    const { settings } = settingsOf(options);
    const parts = await askAll(model, settings, options);
    const { prompts = PROMPTS } = options;
    const evaluating = step([], (runOptions) => evaluated(model, distinct, parts, options, runOptions), [
      partsStage(model, distinct, parts, prompts, memoryOf(options)),
    ]);
    return {
      label: `evaluation of ${model.name}`,
      model,
      tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
      steps: [evaluating],
      price: (runOptions) => price(model, { plans: distinct, settings, parts, prompts }, runOptions),
      async result(runOptions) {
        const results = await evaluating.whole(runOptions);
        const leaks = leakGuard(model, textsOf(parts), [], runOptions);
        return await Array.fromAsync(wanted, async (plan, i) => {
          const result = results[distinct.findIndex((own) => planHash(own) === planHash(plan))];
          return withLeaks(result, await leaks([options.plans[i]]));
        });
      },
      async depends() {
        const { fingerprint: tokenizer } = await model.tokenizer();
        const tasks = parts.map(({ hash }) => hash);
        return { model: model.identity, tokenizer, tasks, plans: distinct, prompts };
      },
    };
  },
};

/** Everything that each task asks, shots included, as tokens. */
function textsOf(parts: readonly Part[]): EvaluatedText[] {
  const byTask = Map.groupBy(parts, ({ setting: { task } }) => task.name);
  return [...byTask].map(([name, own]) => ({
    name,
    ids: own.flatMap(({ documents }) =>
      documents.flatMap(({ requests }) => requests.map(({ input }) => input))
    ),
  }));
}

/** Documents by parts of tasks, their shots drawn before; then texts by plan. */
function partsStage(
  model: StudyModel,
  plans: readonly DropPlan[],
  parts: readonly Part[],
  prompts: number,
  memoryBytes = Infinity,
): Stage {
  const writers = prompts > 0 ? plans : [];
  return stage({
    unit: "parts of tasks",
    units: parts.length + writers.length,
    cost: (unit) =>
      unit < parts.length ? partFlops(model.spec, plans, parts[unit]) : textFlops(model.spec, prompts),
    bytes({ from, to }) {
      const own = parts.slice(from, to);
      const reading = own.map(({ tokens }) => readBytes(model, plans, tokens));
      const writes = to > parts.length || own.some(({ setting: { task } }) => task.generation);
      return BASE_BYTES +
        Math.max(0, ...reading, writes ? writeBytes(model, { ...cpuLowering, memoryBytes }) : 0);
    },
    async run({ from, to }, options) {
      const running = { ...options, model, engine: await engineOf(options) };
      await runParts(parts.slice(from, to), { ...running, plans });
      const [first, last] = [from, to].map((unit) => Math.max(0, unit - parts.length));
      for (const plan of writers.slice(first, last)) await writeTexts(prompts, plan, running);
    },
  });
}

/** The full model, and each other plan once. */
function distinctPlans(plans: readonly DropPlan[]): DropPlan[] {
  return [...new Map([noDrop, ...plans].map((plan) => [planHash(plan), plan])).values()];
}

/** Tasks as they are asked, and the main number of each task or group. */
function settingsOf(options: EvaluateOptions): { settings: Setting[]; mains: Main[] } {
  const { tasks, suite, limit, bos = "tokenizer", seed = SHOTS_SEED } = options;
  if ((tasks === undefined) === (suite === undefined)) {
    const found = tasks === undefined ? "neither tasks nor a suite" : "tasks and a suite";
    throw new TypeError(`Cannot evaluate: found ${found}, expected one of them`);
  }
  const entries = suite === undefined
    ? [...new Set(tasks)].map((task) => ({ task, shots: options.shots, metric: null as Metric | null }))
    : suites[suite].map((entry) => ({ ...entry, shots: options.shots ?? entry.shots }));
  if (entries.length === 0) {
    throw new RangeError("Cannot evaluate: the list of tasks is empty, expected at least one task");
  }
  const settings = new Map<string, Setting>();
  const mains = entries.map(({ task, shots, metric }): Main => {
    const members = tasksNamed(task);
    for (const member of members) {
      settings.set(member.name, { task: member, shots: shots ?? member.shots, limit, bos, seed });
    }
    const usual = members[0].metrics.includes("acc_norm") ? "acc_norm" : members[0].metrics[0];
    return { name: task, members: members.map(({ name }) => name), metric: metric ?? usual };
  });
  return { settings: [...settings.values()], mains };
}

/** The results by plan, of which the first is the full model. */
async function evaluated(
  model: StudyModel,
  plans: readonly DropPlan[],
  parts: readonly Part[],
  options: EvaluateOptions,
  runOptions: RunOptions,
): Promise<Evaluation[]> {
  const engine = await engineOf(runOptions);
  const decoding = writeBytes(model, engine.has);
  const bytes = BASE_BYTES + Math.max(readBytes(model, plans, LONG), decoding);
  await expectRoom({ bytes, what: `tasks at hidden size ${model.spec.hidden}` }, runOptions);
  tellCuts(parts, model, runOptions);
  noticeBeyond(model, "texts", longestText(parts, options.prompts ?? PROMPTS), runOptions);
  const { mains } = settingsOf(options);
  const running = { ...runOptions, model, engine, plans };
  const items = await runParts(parts, running);
  const written = await writing(options.prompts ?? PROMPTS, running);
  const margin = shareOf(options.margin ?? ACCURACY_MARGIN, aPart);
  const full = summarise(items[0], mains, null, margin);
  return plans.map((plan, i): Evaluation => ({
    ...head("evaluate"),
    provenance: wholeOrigin(items[i].map(({ origin }) => origin)),
    bos: options.bos ?? "tokenizer",
    seed: options.seed ?? SHOTS_SEED,
    ...i === 0 ? full : summarise(items[i], mains, full, margin),
    writing: written?.[i] ?? null,
    ...draftOf(model.spec, plan, meanText(parts)),
  }));
}

/** The parts of all tasks. */
async function askAll(model: StudyModel, settings: readonly Setting[], options: Reports): Promise<Part[]> {
  const asked: Part[] = [];
  const rows = rowFinder(reportsOf(options));
  for (const setting of settings) await rows.find(setting);
  for (const setting of settings) {
    asked.push(...await askTask(model, setting, rows, reportsOf(options)));
  }
  return asked;
}

/** That of all parts together. */
function wholeOrigin(origins: readonly Provenance[]): Provenance {
  const names = [...new Set(origins.map(({ text }) => text.name))];
  return {
    ...origins[0],
    text: { name: names.join(", "), hash: joinHashes(origins.map(({ text }) => text.hash)) },
    packing: {
      ...origins[0].packing,
      samples: origins.reduce((sum, { packing }) => sum + packing.samples, 0),
      skip: 0,
    },
  };
}

/** Tokens of a text that is scored, on average. */
function meanText(parts: readonly Part[]): number {
  const lengths = parts.flatMap(({ documents }) =>
    documents.flatMap(({ requests }) => requests.map(({ input }) => input.length))
  );
  return Math.round(mean(lengths));
}

/** Tokens of the longest text that is scored or written. */
function longestText(parts: readonly Part[], prompts: number): number {
  const read = parts.flatMap(({ setting: { task }, documents }) =>
    documents.flatMap(({ requests }) =>
      requests.map(({ input }) => input.length + (task.generation ? WRITTEN : 0))
    )
  );
  return read.reduce((most, length) => Math.max(most, length), prompts > 0 ? PROMPT + TOKENS : 0);
}

function tellCuts(asked: readonly Part[], model: StudyModel, { onNotice }: Reports & Keeping): void {
  const cut = new Map<string, number>();
  for (const { setting: { task }, documents } of asked) {
    const some = documents.filter(({ cut }) => cut > 0).length;
    if (some > 0) cut.set(task.name, (cut.get(task.name) ?? 0) + some);
  }
  for (const [name, some] of cut) {
    onNotice?.(
      `${name}: ${some === 1 ? "1 document is" : `${some} documents are`} longer than the context of ${
        contextLength(model.config)
      } tokens, and cut from the left`,
    );
  }
}
