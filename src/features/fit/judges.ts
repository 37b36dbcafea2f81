/**
 * What plans cost, with 95 % intervals that are paired over samples or documents. The first half of them chooses a plan among many; the
 * second half, which no choice has seen, confirms it.
 */
import { sum } from "core/entry/mod.ts";
import { changeOver } from "core/measure/mod.ts";
import { allOf, changesIn, evaluated, meanOver, openBeside } from "../evaluate/mod.ts";
import type { Fit } from "./result.ts";
import { perplexitiesIn, type Perplexity, riseOver } from "../losses/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { type Half, halfOf, type Text } from "core/study/text.ts";
import { freeShared, type Shared } from "core/study/over.ts";
import { type Aim, costOf, documentsOf, keepsCost } from "./aims.ts";
import type { FitOptions } from "./lines.ts";
import { engineOf, type RunOptions } from "core/study/options.ts";
import type { Pass } from "core/study/estimate.ts";
import { scopeOf } from "core/study/scope.ts";
import { type PartTimes, predict, speed, speedupOf } from "../speed/mod.ts";

type Tested = Fit["tried"][number];
type Beside = Pick<NonNullable<Fit["beside"]>[number], "cost" | "keeps" | "over">;
export interface Judge {
  /** Costs of plans, whether they keep the promise, and provenance of the full model that they are held against. */
  costs(
    plans: readonly DropPlan[],
    half: Half,
    options: RunOptions,
  ): Promise<Readonly<Pick<Fit, "provenance"> & { costs: readonly Pick<Tested, "cost" | "keeps">[] }>>;
  /** What plans cost over the full model, and over another plan, on the samples that confirm; absent where answers are counted. */
  beside?(answer: DropPlan, plans: readonly DropPlan[], options: RunOptions): Promise<readonly Beside[]>;
  /** Frees what calls have shared. */
  [Symbol.dispose](): void;
}

export function lossJudge(model: StudyModel, text: Text, aim: Aim): Judge {
  const halves = { choosing: halfOf(text, "choosing"), confirming: halfOf(text, "confirming") };
  const shared: Record<Half, Shared> = { choosing: {}, confirming: {} };
  const losses = async (plans: readonly DropPlan[], half: Half, options: RunOptions) =>
    (await perplexitiesIn(scopeOf(options), model, halves[half], [[noDrop, ...plans]], {
      ...{ label: `perplexity of ${model.name}`, group: "plans", shared: shared[half] },
    }))[0];
  const costOver = (run: Perplexity, base: Perplexity) => {
    const { rise, riseError } = riseOver(run, base);
    return costOf(rise, riseError, run.sums.length);
  };
  const tested = (cost: Tested["cost"]) => ({ cost, keeps: keepsCost(aim, cost) });
  return {
    async costs(plans, half, options) {
      const [full, ...dropped] = await losses(plans, half, options);
      return { costs: dropped.map((run) => tested(costOver(run, full))), provenance: full.provenance };
    },
    async beside(answer, plans, options) {
      const [full, own, ...others] = await losses([answer, ...plans], "confirming", options);
      return others.map((run) => ({ ...tested(costOver(run, full)), over: costOver(run, own) }));
    },
    [Symbol.dispose]: () => Object.values(shared).forEach(freeShared),
  };
}

/** The judge by accuracies on tasks. Documents that choose are the first of each. */
export function accuracyJudge(model: StudyModel, aim: Aim, options: FitOptions): Judge {
  const { choosing, all } = documentsOf(options);
  // Each round asks all documents that choose; those that confirm are asked once.
  const shared = openBeside(model);
  return {
    async costs(plans, half, runOptions) {
      const inRounds = options.stopEarly && half === "confirming";
      const range = half === "choosing" ? { limit: choosing } : { skip: choosing, limit: all - choosing };
      const asked: Parameters<typeof evaluated>[2] = {
        ...{ ...runOptions, ...range, tasks: aim.tasks, plans: [noDrop, ...plans] },
        until: inRounds ? aim.amount : undefined,
        prompts: 0,
        bos: bosRule(options),
        beside: half === "choosing" ? shared : undefined,
      };
      const [full, ...dropped] = await evaluated(scopeOf(runOptions), model, asked);
      const mains = meanOver(full);
      const costs = dropped.map(({ tasks }) => {
        const changes = mains.map((main) => changesIn(tasks, full.tasks, main));
        const { difference, low, high, verdict, n } = changeOver(changes, aim.amount / 100);
        const lost = { value: 0 - 100 * difference, low: 0 - 100 * high, high: 0 - 100 * low }; // points; no −0
        const asked = { documents: n, of: sum(Object.values(tasks), allOf) };
        return inRounds
          ? { cost: { ...lost, asked }, keeps: verdict }
          : { cost: lost, keeps: keepsCost(aim, lost) };
      });
      return { costs, provenance: full.provenance };
    },
    [Symbol.dispose]: () => shared.free(),
  };
}

const bosRule = ({ bos }: FitOptions) => bos === undefined ? undefined : bos ? "always" : "never";

/** One text, and as many tokens as a short question has. */
const SETTING = { batch: 1, context: 256 } as const;
const STEPS = 16;
/** Rounds of both models, each with a prefill and the steps. */
const ROUNDS = 5;
/** Tokens read at once that take as long as a step with one, which is bound by the bytes of the weights. */
const STEP_TOKENS = 16;

export const TIMING: readonly Pass[] = [
  {
    plans: [noDrop],
    head: true,
    samples: 1,
    length: SETTING.context + STEPS * STEP_TOKENS,
    times: 2 * ROUNDS,
  },
];

const SIZES = { context: [SETTING.context], new: STEPS, repeat: ROUNDS };

export async function timesOf(
  model: StudyModel,
  plan: DropPlan,
  { results: _, ...options }: RunOptions,
): Promise<Fit["times"]> {
  const { prefill, decode } = await speedupOf(model, plan, { ...options, ...SIZES });
  return { ...SETTING, prefill, decode };
}

/** How many times as fast plans should decode, by what the machine's parts were measured to take. */
export async function expectedSpeed(model: StudyModel, { results: _, ...options }: RunOptions) {
  const { points: [{ parts }] } = await speed(model, [], { ...options, ...SIZES });
  const { bandwidth, rate, keyBandwidth, keyRate, ...overhead } = parts!;
  const times: PartTimes = {
    products: { bandwidth, rate },
    keys: { bandwidth: keyBandwidth, rate: keyRate },
    overhead,
  };
  const { has } = await engineOf(options);
  const step = (plan: DropPlan) => predict({ model, has }, plan, SETTING, STEPS, times).step;
  const full = step(noDrop);
  return (plan: DropPlan) => full / step(plan);
}
