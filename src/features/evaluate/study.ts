/**
 * Benchmark tasks under several plans, equal to lm-eval 0.4.13 in prompts, shots and scores. All plans run as one trie together with the full
 * model. What is finished is kept (parts.ts), so that an interrupted evaluation goes on where it stopped, and one with another plan runs that plan alone.
 */
import { planHash } from "core/measure/mod.ts";
import {
  aPart,
  aShare,
  filled,
  list,
  number,
  type Of,
  oneOf,
  option,
  required,
  shareOf,
  sum,
  text,
  wholeNumber,
} from "core/entry/mod.ts";
import { ACCURACY_MARGIN, type Main, sharesOf } from "./accuracy.ts";
import { evaluateKind, type Evaluation } from "./result.ts";
import { head, isTypeOrder, joinHashes, type Provenance } from "core/result/mod.ts";
import { cpuLowering, type Engine } from "core/engine/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { noticeBeyond, type StudyModel } from "core/subject/mod.ts";
import { type Metric, suites, taskGroups, taskNames, tasksNamed } from "core/tasks/mod.ts";
import { BASE_BYTES, expectRoom, writeBytes } from "core/study/estimate.ts";
import { memoryOf, runChecks, type RunOptions } from "core/study/options.ts";
import { type EvaluatedText, leakGuard } from "core/study/text.ts";
import { aDrop, dropsIn, type OverPlans, type PlanLike } from "core/study/plan.ts";
import { type Scope, type ScopedStudy, study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { askAll, contextLength, inputsOf, type Part, type Setting, WRITTEN } from "./asked.ts";
import { besideBytes } from "./beside.ts";
import { askParts, type PartsOptions, PROMPT, tellParts, TOKENS, writeTexts, writingOf } from "./parts.ts";
import { type EvaluatePrice, partPass, price, readBytes, textsPass } from "./price.ts";
import { expectChoices, runRounds } from "./rounds.ts";
import { summarise } from "./summary.ts";

/** The tasks of a command that names none. */
export const DEFAULT_TASKS: readonly string[] = ["piqa", "arc_easy", "openbookqa"];
/** lm-eval's. */
const SHOTS_SEED = 1234;

const aSeed = number("a whole number below 2³²", (value) => value >>> 0 === value);
const someTasks = list(text, "names of tasks");

/** The checks of `EvaluateOptions`, option by option. */
export const evaluateChecks = {
  /**
   * Tasks and groups, by lm-eval's names; or probes, whose documents are made here: `arithmetic` (`arithmetic_1` and `arithmetic_2` have
   * one count of digits), `brackets`, `induction` (`induction_64` has a shorter list) and `passkey_512`, whose number is the length of
   * the text in tokens, up to what the model reads. Set either `tasks` or `suite`, which has its own shots.
   */
  tasks: option(
    someTasks,
    "<names> tasks, for example piqa,mmlu_anatomy; arithmetic, brackets, induction and passkey_… are made here and need no data, " +
      `and a passkey's text may have any length; choose from ${
        taskNames.filter((name) => !name.startsWith("mmlu_")).join(", ")
      }, mmlu_SUBJECT, ${Object.keys(taskGroups).join(", ")}`,
    DEFAULT_TASKS,
  ),
  /** `paper`: the paper's nine tasks at its shots; `paper-llama-3`: its four for Llama 3. */
  suite: option(oneOf(Object.keys(suites)), "<name> a paper's tasks at its shots, instead of `tasks`"),
  /** Number of solved examples in front of each document; default: the task's own, 0 for most tasks. */
  shots: option(wholeNumber(0), "<k> number of few-shot examples", "the task's own, mostly 0"),
  /** Number of documents of each task, from the first on that is not left out; default: all. */
  limit: option(wholeNumber(1), "<n> use only the first n documents of each task", "all"),
  /** Number of documents of each task that are left out before them; default: 0. */
  skip: option(wholeNumber(0), "<n> leave out the first n documents of each task", 0),
  /**
   * Points of mean accuracy: documents are asked in random order until it is known of every plan whether it loses more than that, or no more; or until
   * the smallest task has no more. Verdicts are wrong with 5 % at most, and intervals of changes hold, whenever the asking ends.
   */
  until: option(
    number("a number of points above 0 and at most 100", (value) => value > 0 && value <= 100),
    "<points> ask documents until every plan is known to lose more than this of mean accuracy, or no more",
    undefined,
    { excludes: ["margin"] },
  ),
  /** Whether texts begin with BOS: as in the tokenizer's files (default), never (as in the paper), or always. */
  bos: option(
    oneOf(["tokenizer", "never", "always"]),
    "<rule> when to start texts with BOS; tokenizer follows the tokenizer's files, never is the paper's setting",
    "tokenizer",
  ),
  /** Difference in accuracy that counts as no degradation, such as 0.01 or "1%"; default: 0.02, two points. */
  margin: option(
    aShare(aPart),
    "<share> largest loss of accuracy that counts as equivalent, for example 0.01 or 1% for one point",
    ACCURACY_MARGIN,
  ),
  /** Number of texts that every plan continues, as samples of its writing; default: 8; 0 skips them. */
  prompts: option(wholeNumber(0), "<n> prompts that each plan continues in writing; 0 skips it", 8),
  /** Seed of the random stream that draws the shots, and of the order of documents under `until`; default: lm-eval's 1234. */
  seed: option(
    aSeed,
    "<n> seed of the few-shot examples, and of the order of documents under `until`",
    SHOTS_SEED,
  ),
  ...runChecks,
};

/** Options of `evaluate`: the tasks, and how they are run. */
export type EvaluateOptions = Of<typeof evaluateChecks>;

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
  plans: readonly PlanLike[],
  options: EvaluateOptions = {},
): Promise<Evaluation[]> {
  return await run(evaluateStudy, model, { ...options, plans });
}

type Asking = OverPlans<EvaluateOptions> & Pick<PartsOptions, "beside">;
type Asked = Awaited<ReturnType<typeof askParts>>;
/** What one plan wrote. */
type Texts = readonly number[][];

/** Calls that share `beside`, whose owner frees it, run the full model once over the same documents. */
export async function evaluated(scope: Scope, model: StudyModel, options: Asking): Promise<Evaluation[]> {
  const { beside, until, plans } = options;
  const { wanted, distinct, mains, parts, prompts, margin, bos, seed, skip } = await askedOf(model, options);
  tellCuts(parts, model, scope.options);
  noticeBeyond(model, "texts", longestText(parts, prompts), scope.options);
  const room = ({ has }: Engine) => {
    const most = Math.max(readBytes(model, distinct, LONG), writeBytes(model, has));
    const bytes = BASE_BYTES + (beside ? besideBytes(model, parts) : 0) + most;
    return { bytes, what: `tasks at hidden size ${model.spec.hidden}` };
  };
  const inRoom = async <T>(
    own: RunOptions,
    plans: readonly DropPlan[],
    run: (own: PartsOptions) => Promise<T>,
  ) => {
    await expectRoom(room, own);
    return await run({ ...own, model, plans, beside });
  };
  const has = { ...cpuLowering, memoryBytes: memoryOf(options) ?? Infinity };
  const passOf = (part: Part) => partPass(model, distinct, part, has);
  const inRounds = until !== undefined && distinct.length > 1;
  const rounds = inRounds
    ? await scope.work(
      model,
      parts.map(passOf),
      (own) => inRoom(own, distinct, (own) => runRounds(parts, sharesOf(mains), until / 100, seed, own)),
    )
    : null;
  // One list, so that machines share documents and texts at once.
  const units = [...inRounds ? [] : parts, ...prompts > 0 ? distinct : []];
  const made = await scope.each<Part | DropPlan, Asked | Texts>("parts of tasks", units, (own, unit) => {
    if ("documents" in unit) {
      return own.work(model, [passOf(unit)], (own) => inRoom(own, distinct, (own) => askParts([unit], own)));
    }
    const write = async (own: PartsOptions) => (await writeTexts(prompts, own))[0];
    return own.work(model, [textsPass(model, [unit], prompts, has)], (own) => inRoom(own, [unit], write));
  });
  const answers = made.filter((one) => "done" in one);
  const texts = made.filter((one): one is Texts => !("done" in one));
  tellParts(
    { ...scope.options, model },
    sum(answers, ({ reused }) => reused),
    parts.length * distinct.length,
  );
  const done = rounds?.done ?? distinct.map((_, i) => answers.flatMap(({ done }) => done[i]));
  const written = prompts > 0 ? writingOf(prompts, texts) : null;

  const share = until === undefined ? shareOf(margin, aPart) : until / 100;
  const full = summarise(done[0], mains, null, share);
  const results = distinct.map((_, i): Evaluation => ({
    ...head(evaluateKind),
    provenance: wholeOrigin(done[i].map(({ origin }) => origin), skip),
    bos,
    seed,
    ...i === 0 ? full : summarise(done[i], mains, full, share, rounds?.asked[i]),
    writing: written?.[i] ?? null,
  }));
  const guard = leakGuard(model, textsOf(parts), [], scope.options);
  return await Array.fromAsync(wanted, (plan, i) => {
    const result = results[distinct.findIndex((own) => planHash(own) === planHash(plan))];
    return guard({ ...result, ...orderOf(plans[i]) }, [plans[i]]);
  });
}

export const evaluateStudy: ScopedStudy<StudyModel, OverPlans<EvaluateOptions>, Evaluation[], EvaluatePrice> =
  study<OverPlans<EvaluateOptions>, Evaluation[], StudyModel, EvaluatePrice>({
    verb: "evaluate",
    label: "evaluation",
    checks: { ...evaluateChecks, plans: required(list(aDrop, "plans")) },
    run: evaluated,
    async tokens(model, options) {
      return sum((await askedOf(model, options)).parts, ({ tokens }) => tokens);
    },
    async price(model, options, runOptions) {
      const { distinct: plans, settings, parts, prompts } = await askedOf(model, options);
      return await price(model, { plans, settings, parts, prompts }, runOptions);
    },
    async depends(model, options) {
      const { distinct: plans, parts, prompts } = await askedOf(model, options);
      const { fingerprint: tokenizer } = await model.tokenizer();
      return { model: model.identity, tokenizer, tasks: parts.map(({ hash }) => hash), plans, prompts };
    },
    isShared: ({ until }) => until === undefined, // rounds follow from those before them
  });

const asked = new WeakMap<Asking, ReturnType<typeof ask>>();

/** What an evaluation asks: rows are read, and shots are drawn, once for the same options. */
function askedOf(model: StudyModel, options: Asking): ReturnType<typeof ask> {
  const own = asked.get(options) ?? ask(model, options);
  asked.set(options, own);
  return own;
}

async function ask(model: StudyModel, options: Asking) {
  const wanted = options.plans.map((plan) => dropsIn(model, plan));
  const distinct = [...new Map([noDrop, ...wanted].map((plan) => [planHash(plan), plan])).values()];
  const { settings, mains } = settingsOf(options);
  if (options.until !== undefined) settings.forEach(({ task }) => expectChoices(task));
  const parts = await askAll(model, settings, options);
  return { ...filled(evaluateChecks, options), wanted, distinct, settings, mains, parts };
}

function orderOf(plan: PlanLike): Pick<Evaluation, "order"> {
  if (!("order" in plan) || plan.order.length === 0) return {};
  const { target, by, seed, repaired, order } = plan;
  if (target === "types" || isTypeOrder(by)) return {};
  return { order: { target, by, seed, ...repaired ? { repair: repaired.by } : {}, dropped: order.length } };
}

/** Everything that each task asks, shots included, as tokens. */
function textsOf(parts: readonly Part[]): EvaluatedText[] {
  const byTask = Map.groupBy(parts, ({ setting: { task } }) => task.name);
  return [...byTask].map(([name, own]) => ({ name, ids: own.flatMap(inputsOf) }));
}

function settingsOf(options: EvaluateOptions): { settings: Setting[]; mains: Main[] } {
  const { tasks, suite, limit } = options;
  const { bos, seed, skip } = filled(evaluateChecks, options);
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
      settings.set(member.name, { task: member, shots: shots ?? member.shots, limit, skip, bos, seed });
    }
    const usual = members[0].metrics.includes("acc_norm") ? "acc_norm" : members[0].metrics[0];
    return { name: task, members: members.map(({ name }) => name), metric: metric ?? usual };
  });
  return { settings: [...settings.values()], mains };
}

function wholeOrigin(origins: readonly Provenance[], skip: number): Provenance {
  const names = [...new Set(origins.map(({ text }) => text.name))];
  return {
    ...origins[0],
    text: { name: names.join(", "), hash: joinHashes(origins.map(({ text }) => text.hash)) },
    packing: { ...origins[0].packing, samples: sum(origins, ({ packing }) => packing.samples), skip },
  };
}

function longestText(parts: readonly Part[], prompts: number): number {
  const read = parts.map((part) =>
    inputsOf(part).reduce((most, { length }) => Math.max(most, length), 0) +
    (part.setting.task.generation ? WRITTEN : 0)
  );
  return Math.max(prompts > 0 ? PROMPT + TOKENS : 0, ...read);
}

function tellCuts(asked: readonly Part[], model: StudyModel, { onNotice }: RunOptions): void {
  const longest = contextLength(model.config);
  for (const [name, parts] of Map.groupBy(asked, ({ setting: { task } }) => task.name)) {
    const cut = sum(parts, ({ documents }) => documents.filter(({ cut }) => cut > 0).length);
    if (cut === 0) continue;
    const are = cut === 1 ? "1 document is" : `${cut} documents are`;
    onNotice?.(`${name}: ${are} longer than the context of ${longest} tokens, and cut from the left`);
  }
}
