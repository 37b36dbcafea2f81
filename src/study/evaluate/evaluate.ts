/**
 * Benchmark tasks under several plans, equal to lm-eval 0.4.13 in prompts, shots and scores. All plans run as one trie together with the full
 * model. Documents are run in parts; what is finished is kept, so that an interrupted evaluation goes on where it stopped.
 */
import {
  type Check,
  type Checks,
  expect,
  list,
  number,
  oneOf,
  reportChecks,
  type Reports,
  reportsOf,
  text,
  wholeNumber,
} from "../../entry/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { parts as stagesOf, within } from "../../hub/mod.ts";
import {
  type Evaluation,
  head,
  joinHashes,
  keep,
  type Keeping,
  keptResult,
  type Provenance,
  type TaskPart,
} from "../../result/mod.ts";
import { type DropPlan, noDrop, tokensOf } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { type BosRule, type Metric, suites, tasksNamed } from "../../tasks/mod.ts";
import { engineChecks, engineOf, type EngineOptions, provenance, reporter } from "../options.ts";
import { aDrop, dropsIn } from "../plan.ts";
import { askTask, contextLength, type Part, rowFinder, type Setting } from "./asked.ts";
import { type Item, runPart } from "./items.ts";
import { type Main, summarise } from "./summary.ts";
import { writing } from "./writing.ts";

/** What is asked, and how. */
export interface EvaluateOptions extends Keeping, Reports, EngineOptions {
  /** Tasks and groups by lm-eval's names; or a suite, which has shots of its own. */
  readonly tasks?: readonly string[] | undefined;
  /** `paper`: the paper's nine tasks at its shots; `paper-llama-3`: its four for Llama 3. */
  readonly suite?: string | undefined;
  /** Solved examples in front of each document; default: each task's own number, 0 for most. */
  readonly shots?: number | undefined;
  /** The first so many documents of each task; default: all. */
  readonly limit?: number | undefined;
  /** Whether texts begin with BOS: as the tokenizer's files say (default), never (the paper), or always. */
  readonly bos?: BosRule | undefined;
  /** Of the stream that shots are drawn from; default: lm-eval's 1234. */
  readonly seed?: number | undefined;
  /** What counts as no degradation; default: 0.02, two points of accuracy. */
  readonly margin?: number | undefined;
  /** Texts that every plan continues, to see how it writes; default: 8, 0 for none. */
  readonly prompts?: number | undefined;
}

const someTasks: Check = list(text, "names of tasks");

/** Checks of what is asked. */
export const evaluateChecks: Checks<EvaluateOptions> = {
  ...reportChecks,
  ...engineChecks,
  tasks: someTasks,
  suite: oneOf(Object.keys(suites)),
  shots: wholeNumber(0),
  limit: wholeNumber(1),
  bos: oneOf(["tokenizer", "never", "always"]),
  seed: number("a whole number below 2³²", (value) => value >>> 0 === value),
  margin: number("a number above 0", (value) => value > 0),
  prompts: wholeNumber(0),
  results: text,
};

/** lm-eval's. */
const SEED = 1234;
const MARGIN = 0.02;
const PROMPTS = 8;

/**
 * What a model makes of benchmark tasks under each plan, in the plans' order. The full model always runs: the others are compared
 * with it. Throws `RangeError` for an unknown task, or shots that its rows cannot give.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { evaluate } from "lamina";
 *
 * const [full, dropped] = await evaluate("smollm2-135m", [{}, { attention: [25] }], { tasks: ["piqa"], limit: 100 });
 * console.log(full.tasks.piqa.acc, dropped.tasks.piqa.acc, dropped.tasks.piqa.metrics.acc.against);
 * ```
 */
export async function evaluate(
  model: StudyModel | string,
  plans: readonly Partial<DropPlan>[],
  options: EvaluateOptions = {},
): Promise<Evaluation[]> {
  expect("evaluate", "plans", plans, list(aDrop, "plans"));
  return await onModel("evaluate", model, options, evaluateChecks, (model, told) => run(model, plans, told));
}

/** What an evaluation will ask: documents, and tokens with and without what they share. */
export interface EvaluatePrice {
  readonly task: string;
  readonly documents: number;
  /** Tokens fed to lm-eval, and tokens that run here. */
  readonly fed: number;
  readonly run: number;
}

/** The price of an evaluation, before anything is run. */
export async function evaluatePrice(
  model: StudyModel,
  options: EvaluateOptions = {},
): Promise<EvaluatePrice[]> {
  const { settings } = settingsOf(options);
  const prices: EvaluatePrice[] = [];
  const rows = rowFinder(reportsOf(options));
  for (const setting of settings) await rows.find(setting);
  for (const setting of settings) {
    const asked = await askTask(model, setting, rows, reportsOf(options));
    const sums = asked.map(({ documents }) => tokensOf(documents.flatMap(({ requests }) => requests)));
    const total = (key: "fed" | "run") => sums.reduce((sum, part) => sum + part[key], 0);
    prices.push({
      task: setting.task.name,
      documents: asked.reduce((sum, { documents }) => sum + documents.length, 0),
      fed: total("fed"),
      run: total("run"),
    });
  }
  return prices;
}

/** Tasks as they are asked, and the main number of each task or group. */
function settingsOf(options: EvaluateOptions): { settings: Setting[]; mains: Main[] } {
  const { tasks, suite, limit, bos = "tokenizer", seed = SEED } = options;
  if ((tasks === undefined) === (suite === undefined)) {
    throw new TypeError("Cannot evaluate: expected either tasks or a suite");
  }
  const entries = suite === undefined
    ? [...new Set(tasks)].map((task) => ({ task, shots: options.shots, metric: null as Metric | null }))
    : suites[suite].map((entry) => ({ ...entry, shots: options.shots ?? entry.shots }));
  if (entries.length === 0) throw new RangeError("Cannot evaluate no tasks: expected one at least");
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

async function run(
  model: StudyModel,
  plans: readonly Partial<DropPlan>[],
  options: EvaluateOptions,
): Promise<Evaluation[]> {
  const wanted = plans.map((plan) => dropsIn(model, plan));
  const distinct = [...new Map([noDrop, ...wanted].map((plan) => [JSON.stringify(plan), plan])).values()];
  const { settings, mains } = settingsOf(options);
  const asked: Part[] = [];
  const rows = rowFinder(reportsOf(options));
  for (const setting of settings) await rows.find(setting);
  for (const setting of settings) {
    asked.push(...await askTask(model, setting, rows, reportsOf(options)));
  }
  tellCuts(asked, model, options);
  const engine = await engineOf(options);
  const weights = asked.map(({ tokens }) => tokens * distinct.length);
  const stage = stagesOf(`evaluation of ${model.name}`, weights, options.onProgress);
  const items = distinct.map((): { part: Part; items: Item[]; origin: Provenance }[] => []);
  let kept = 0;
  for (const [p, part] of asked.entries()) {
    const task = taskOf(part);
    const origins = await Promise.all(distinct.map((plan) => originOf(model, engine, part, plan)));
    const keys = origins.map((origin) => ({ ...origin, task }));
    const found = await Promise.all(keys.map((key) => keptResult("task", key, options)));
    if (found.every((result) => result !== null)) kept++;
    else {
      const report = reporter(part.setting.task.name, "modules", within(options, stage(p)));
      const made = await runPart(part, {
        model,
        engine,
        plans: distinct,
        signal: options.signal,
        onProgress: report,
      });
      for (const [i, own] of made.entries()) {
        const result: TaskPart = { ...head("task"), provenance: origins[i], task, items: own };
        found[i] = await keep("task", keys[i], result, options);
      }
    }
    found.forEach((result, i) => items[i].push({ part, items: result!.items, origin: origins[i] }));
  }
  if (kept > 0) {
    options.onNotice?.(
      `evaluation of ${model.name}: ${kept} of ${asked.length} parts kept from an earlier run`,
    );
  }
  const written = await writing(model, engine, distinct, options.prompts ?? PROMPTS, reportsOf(options));
  const full = summarise(items[0], mains, null, options.margin ?? MARGIN);
  const results = distinct.map((_, i): Evaluation => ({
    ...head("evaluate"),
    provenance: wholeOrigin(items[i].map(({ origin }) => origin)),
    bos: options.bos ?? "tokenizer",
    seed: options.seed ?? SEED,
    ...i === 0 ? full : summarise(items[i], mains, full, options.margin ?? MARGIN),
    writing: written?.[i] ?? null,
  }));
  return wanted.map((plan) =>
    results[distinct.findIndex((own) => JSON.stringify(own) === JSON.stringify(plan))]
  );
}

function taskOf({ setting: { task, shots, bos, seed } }: Part): TaskPart["task"] {
  return { name: task.name, version: task.version, shots, bos, seed };
}

/** What the numbers of a part depend on: its tokens say all about rows, shots and BOS. */
async function originOf(model: StudyModel, engine: Engine, part: Part, plan: DropPlan): Promise<Provenance> {
  const { task, bos } = part.setting;
  const tokenizer = await model.tokenizer();
  const text = { name: task.name, hash: part.hash };
  const packing = {
    samples: part.documents.length,
    length: contextLength(model.config),
    skip: part.first,
    bos: bos === "always" || bos === "tokenizer" && tokenizer.addsBos,
  };
  return await provenance(model, { text, packing }, plan, { engine });
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

function tellCuts(asked: readonly Part[], model: StudyModel, { onNotice }: Reports & Keeping): void {
  const cut = new Map<string, number>();
  for (const { setting: { task }, documents } of asked) {
    const some = documents.filter(({ cut }) => cut > 0).length;
    if (some > 0) cut.set(task.name, (cut.get(task.name) ?? 0) + some);
  }
  for (const [name, some] of cut) {
    onNotice?.(
      `${name}: ${some} documents are longer than the ${
        contextLength(model.config)
      } tokens of the context, and are cut from the left`,
    );
  }
}
