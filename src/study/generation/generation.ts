/**
 * Why choices survive a drop and texts break: over the steps of writing, how far a plan's hidden states, logits and probabilities lie
 * from the full model's, with both on the full model's text and with each on its own (He et al., arXiv 2603.24652).
 */
import { displayable, eachOf, phased } from "../../entry/mod.ts";
import {
  type Generation,
  generationOrigin,
  type GenerationRequest,
  head,
  keep,
  keptResult,
  planData,
  type TextChanges,
} from "../../result/mod.ts";
import { type DropPlan, noDrop, type TailSegment, tailStreams } from "../../run/mod.ts";
import { noticeBeyond, onModel, type StudyModel } from "../../subject/mod.ts";
import { leakGuard } from "../base/text.ts";
import { engineOf, provenance, reporter, type RunOptions } from "../base/options.ts";
import { run, step, type Study } from "../base/study.ts";
import { allContinuations, WRITING } from "../evaluate/items.ts";
import type { Running } from "../evaluate/asked.ts";
import {
  type Asked,
  askedOf,
  generationChecks,
  type GenerationOptions,
  generationPasses,
  sizesOf,
} from "./asked.ts";
import { choiceChanges } from "./choices.ts";
import { besideOf, compareRows, type Pair, type Rows, sameSoFar } from "./compare.ts";
import type { OverPlans, PlanLike } from "../base/plan.ts";
import { PREDICTION_MEASURES } from "../../measure/mod.ts";

/**
 * Compares the predictions of plans with the full model's while they write. The full model continues every prompt greedily, and so does
 * each plan. At every step three things are compared: the hidden state that the head reads, the logits, and the probabilities; once with
 * both models on the full model's text (`forced`), once with each on its own (`free`); `unrelated` is the full model beside itself on another prompt's text. Beside KL(p‖p′) stands Var_p(Δz) / 2T², to which
 * it tends as drops get small, and beside 1 − cos(p, p′) the same variance under r ∝ p². Intervals are percentiles of 2000 bootstrap
 * draws of the prompts, or of the task's documents. Throws `RangeError` for a prompt without tokens and a task without choices.
 *
 * @example
 * ```ts
 * import { generation, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { plans: [plan] } = await generation(model, [{ attention: [3] }], { prompts: ["The model", "A layer"], tokens: 8 });
 * console.log(plan.forced.means.kl, plan.forced.means.variance, plan.forced.slopes.kl, plan.same);
 * ```
 */
export async function generation(
  model: StudyModel | string,
  plans: readonly PlanLike[],
  options: GenerationOptions = {},
): Promise<Generation> {
  return await run(generationStudy, model, { ...options, plans });
}

/** What `generation` consists of: writing, reading what was written, and the questions of a task. */
export const generationStudy: Study<StudyModel, OverPlans<GenerationOptions>, Generation> = {
  verb: "measure generation",
  checks: generationChecks,
  on: onModel,
  async work(model, options) {
    const asked = await askedOf(model, options);
    const { plans, prompts, questions } = asked;
    const sizes = sizesOf(asked);
    const measuring = step(
      generationPasses(plans, sizes),
      (runOptions) => measured(model, asked, runOptions),
    );

    async function withShared(result: Generation, runOptions: RunOptions): Promise<Generation> {
      const { text: { name }, ids } = await prompts.read(runOptions);
      const asks = questions ? [{ name: questions.task.name, ids: questions.all.map(({ ids }) => ids) }] : [];
      const guard = leakGuard(model, [{ name, ids }, ...asks], [options.text], runOptions);
      return await guard(result, options.plans);
    }

    return {
      label: `generation of ${model.name}`,
      model,
      tokens: sizes.prompts * sizes.length,
      plans: plans.length,
      steps: [measuring],
      async kept(runOptions) {
        const request = await requestOf(model, asked, runOptions);
        const found = await keptResult("generation", generationOrigin(request), runOptions);
        return found && await withShared(found, runOptions);
      },
      result: async (runOptions) => await withShared(await measuring.whole(runOptions), runOptions),
    };
  },
};

async function requestOf(model: StudyModel, asked: Asked, options: RunOptions): Promise<GenerationRequest> {
  const { plans, tokens, temperature, questions } = asked;
  return {
    provenance: await provenance(model, await asked.prompts.read(options), noDrop, options),
    tokens,
    temperature,
    task: questions?.task ?? null,
    plans: plans.map((plan) => ({ drop: planData(plan) })),
  };
}

async function measured(model: StudyModel, asked: Asked, options: RunOptions): Promise<Generation> {
  const { plans, tokens, temperature, questions } = asked;
  const { prompts: count, length, ...sizes } = sizesOf(asked);
  const read = count * (length + tokens);
  const runs = 1 + plans.length;
  const weights = [
    0,
    runs * count * (length + WRITING * tokens),
    runs * read,
    ...plans.map(() => read),
    2 * runs * count * tokens,
    runs * sizes.questions * sizes.question,
  ];
  const at = phased(`generation of ${model.name}`, weights, options);
  const request = await requestOf(model, asked, at(0));
  const { ids: prompts, ...identity } = await asked.prompts.read(options);
  noticeBeyond(model, "texts", length + tokens, options);
  const running: Running = { ...options, model, engine: await engineOf(options) };
  const report = reporter("writing", "texts", at(1));
  const every = { ...running, plans: [noDrop, ...plans] };
  const texts = await allContinuations({ ids: prompts, ...identity }, tokens, every, report);
  const compared = { plans, prompts, texts, temperature };
  const changes = await stepChanges(compared, running, (part) => at(2 + part).onProgress);
  const last = 2 + partsOf(plans.length);
  const choices = questions
    ? await choiceChanges(plans, questions, temperature, { ...running, onProgress: at(last).onProgress })
    : null;
  const [full, ...own] = texts;
  const result = displayable<Generation>({
    ...head("generation"),
    ...request,
    ids: full.map((ids) => [...ids]),
    unrelated: prompts.length > 1 ? besideOf(changes.unrelated, tokens) : null,
    plans: request.plans.map(({ drop }, i) => ({
      drop,
      ids: own[i].map((ids) => [...ids]),
      forced: besideOf(changes.plans[i].forced, tokens),
      free: besideOf(changes.plans[i].free, tokens),
      same: sameSoFar(own[i], full, tokens),
      choices: choices?.[i] ?? null,
    })),
  });
  return await keep(result, options);
}

/** What is compared: the texts of the full model, then those of each plan, by prompt. */
interface Compared {
  readonly plans: readonly DropPlan[];
  readonly prompts: readonly (readonly number[])[];
  readonly texts: readonly (readonly number[][])[];
  readonly temperature: number;
}

/** Hears of one part of the work; the parts come in order. */
type Report = Running["onProgress"];

/** Parts of the work with plans: the full model's texts, those of each plan, and the head. */
export const partsOf = (plans: number) => plans + 2;

/** Compares plans with the full model at each step; part i of the work reports to `reportOf(i)`. */
async function stepChanges(
  { plans, prompts, texts: [full, ...own], temperature }: Compared,
  options: Running,
  reportOf: (part: number) => Report,
) {
  const { model: { name, spec: { hidden } } } = options;
  const counts = full.map(({ length }) => length);
  const starts = startsOf(counts);
  // A plan's text counts as far as the full model's goes: behind that is nothing to compare it with.
  const texts = own.map((all) => all.map((text, i) => text.slice(0, counts[i])));
  const run = (part: number, plans: readonly DropPlan[], all: readonly (readonly number[])[]) =>
    streamsOf(plans, prompts, all, { ...options, onProgress: reportOf(part) });
  const [streams, ...forced] = await run(0, [noDrop, ...plans], full);
  const rows: Rows[] = forced.map((streams) => ({ streams, of: [...Array(streams.length / hidden).keys()] }));
  for (const [i, plan] of plans.entries()) {
    const [free] = await run(1 + i, [plan], texts[i]);
    rows.push({ streams: free, of: texts[i].flatMap((text, t) => text.map((_, step) => starts[t] + step)) });
  }
  const next = nextRows(streams, counts, hidden);
  rows.push(next.rows);
  const report = reporter(`predictions of ${name}`, "predictions", {
    onProgress: reportOf(1 + plans.length),
  });
  const changes = await compareRows(options, streams, rows, temperature, ({ change }) => change, report);
  return {
    plans: plans.map((_, i) => ({
      forced: byText(changes[i], counts),
      free: byText(changes[plans.length + i], texts[i].map(({ length }) => length)),
    })),
    /** Of the full model on the next prompt's text; none for a single prompt. */
    unrelated: byText(changes.at(-1)!, next.counts),
  };
}

/** The rows of each text beside those of the next one at the same steps, as far as both go; the last text's next is the first. */
function nextRows(streams: Float32Array, counts: readonly number[], hidden: number) {
  const starts = startsOf(counts);
  const pairs = counts.length < 2 ? [] : counts.map((count, i) => {
    const other = (i + 1) % counts.length;
    return { from: starts[other], to: starts[i], steps: Math.min(count, counts[other]) };
  });
  const parts = pairs.map(({ from, steps }) => streams.subarray(from * hidden, (from + steps) * hidden));
  const own = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (own.set(part, at), at + part.length), 0);
  const of = pairs.flatMap(({ to, steps }) => Array.from({ length: steps }, (_, step) => to + step));
  return { rows: { streams: own, of }, counts: pairs.map(({ steps }) => steps) };
}

/** The streams that predict the tokens of the texts, by plan, a text after the other. */
async function streamsOf(
  plans: readonly DropPlan[],
  prompts: readonly (readonly number[])[],
  texts: readonly (readonly number[])[],
  { model, engine, signal, onProgress }: Running,
): Promise<Float32Array[]> {
  const segments = texts.flatMap((text, i) => text.length === 0 ? [] : [segmentOf(prompts[i], text)]);
  if (segments.length === 0) return plans.map(() => new Float32Array(0));
  const report = reporter(`texts of ${model.name}`, "modules", { onProgress });
  return await tailStreams({ model, engine, signal, plans, segments, onProgress: report });
}

/** The last token of a text is predicted, and predicts nothing here. */
function segmentOf(prompt: readonly number[], text: readonly number[]): TailSegment {
  return { ids: Int32Array.from([...prompt, ...text.slice(0, -1)]), past: null, tail: text.length };
}

/** Digits that numbers are kept with: more than logits in float32 carry. */
const DIGITS = 8;

function byText(changes: readonly Pair["change"][], counts: readonly number[]): TextChanges[] {
  const starts = startsOf(counts);
  return counts.map((count, i) => {
    const own = changes.slice(starts[i], starts[i] + count);
    const shorter = (value: number) => Number(value.toPrecision(DIGITS));
    const of = (change: Pair["change"], name: keyof TextChanges) =>
      change[name] === null ? null : shorter(change[name]);
    return eachOf(PREDICTION_MEASURES, (name) => own.map((change) => of(change, name))) as TextChanges;
  });
}

function startsOf(counts: readonly number[]): number[] {
  return counts.map((_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0));
}
