/**
 * How fast a model reads and writes on this machine, full and with modules dropped: prefill and decoding apart, with the real keys
 * and values, beside what bytes and operations allow.
 *
 * The plans and the machine's parts take turns, after a warm-up, step by step (turns.ts), so that a moment in which something else runs meets all of
 * them; a speed-up is the median of the ratios of the same turn. All decoders are open at once, and each plan may keep the memory for
 * weights: memory is that of all plans.
 * Tokens are random: which they are makes no difference.
 */
import {
  displayable,
  filled,
  list,
  type Of,
  oneOf,
  option,
  required,
  resultOf,
  sum,
  wholeNumber,
} from "core/entry/mod.ts";
import type { Engine } from "core/engine/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { planHash } from "core/measure/mod.ts";
import { type Computed, head, planData, VERSION } from "core/result/mod.ts";
import type { Evaluation } from "../evaluate/mod.ts";
import { type Speed, speedKind } from "./result.ts";
import {
  type Chain,
  changedModel,
  decodingBytes,
  type DropPlan,
  FLOAT32,
  HALF,
  keyBytes,
  noDrop,
  stepForm,
  widthOf,
} from "core/run/mod.ts";
import { type DecoderOptions, readAtOnce, rowsFor } from "core/run/decode/mod.ts";
import { noticeBeyond, type StudyModel } from "core/subject/mod.ts";
import { BASE_BYTES, expectRoom, type Need, studySpeed, usualSeconds } from "core/study/estimate.ts";
import { computedOn, engineOf, reporter, unkeptChecks } from "core/study/options.ts";
import { aDrop, dropsIn, type OverPlans, type PlanLike } from "core/study/plan.ts";
import { study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import {
  bytesAlone,
  CHAIN_BYTES,
  decoderPlayer,
  expectedOfParts,
  LAYERS,
  narrowModel,
  openDecoders,
  openPartChain,
  openParts,
  predict,
  type Setting,
  SHORT,
} from "./parts.ts";
import { turnsInLlama } from "./llama.ts";
import { fasterBy, measuredOf, mediansOf, ratiosOf } from "./ratios.ts";
import { type Player, takeTurns, type TurnOptions, turnReporter, turnsOf } from "./turns.ts";

/** The checks of `SpeedOptions`, option by option. */
export const speedChecks = {
  ...unkeptChecks,
  /** Batch sizes: numbers of texts side by side; default: 1. */
  batch: option(list(wholeNumber(1), "batch sizes", 1), "<sizes> batch sizes, for example 1,4", [1]),
  /** Context lengths: tokens of each text that are read before writing; default: 128 and 1024. */
  context: option(list(wholeNumber(1), "contexts", 1), "<sizes> prompt lengths in tokens", [128, 1024]),
  /** Tokens written in each round; default: 32. */
  new: option(wholeNumber(1), "<n> new tokens per prompt", 32),
  /** Number of rounds; default: 5. */
  repeat: option(wholeNumber(1), "<n> number of rounds", 5),
  /** Seed of the random tokens; default: 0. */
  seed: option(wholeNumber(0), "<n> seed of the random prompts", 0),
  /** llama.cpp runs the full model and the plans as GGUF files (`lamina ggml` installs it); default: Lamina's own engines run them. */
  in: option(
    oneOf(["llama.cpp"]),
    "<name> measure GGUF files in llama.cpp itself, which `lamina ggml` installs",
    undefined,
    { excludes: ["batch", "engine", "precision", "memory"] },
  ),
  /** Evaluations of the full model and of plans, for gamma; each is matched to its plan by the dropped modules. */
  evaluations: list(resultOf<Evaluation>("evaluate"), "evaluations"),
};

/** Options of `speed`. */
export type SpeedOptions = Of<typeof speedChecks>;

/** What a text takes besides its ids: its lists, in each player. */
const [TEXT_BYTES, ID_BYTES, FLOAT_BYTES] = [256, 8, 4];
/** Steps of a round that are not counted. */
const WARM_UP = 2;

/**
 * Measures the speed of prefill and decoding, with the full model and the plans in turns. Without plans, the full model's
 * alone.
 *
 * @example
 * ```ts
 * import { openModel, speed } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const plans = [{ attention: [4, 5, 6, 7] }];
 * const { points: [{ plans: [full, dropped] }] } = await speed(model, plans, { context: [64], new: 4, repeat: 2 });
 * console.log(full.decode.median, dropped.speedup.decode.median, dropped.roofline?.decode, dropped.keyBytes);
 * ```
 */
export async function speed(
  model: StudyModel | string,
  plans: readonly PlanLike[],
  options: SpeedOptions = {},
): Promise<Speed> {
  return await run(speedStudy, model, { ...options, plans });
}

export const speedStudy = study<OverPlans<SpeedOptions>, Speed, StudyModel, SpeedEstimate>({
  verb: "measure speed",
  label: "speed",
  checks: { ...speedChecks, plans: required(list(aDrop, "plans")) },
  async run(scope, model, options) {
    const measure = options.in ? measuredInLlama : measured;
    return await scope.work(
      model,
      [],
      (own) => measure(model, askedOf(model, options), { ...options, ...own }),
    );
  },
  async price(model, options) {
    const asked = askedOf(model, options);
    const engine = await engineOf(options);
    await using chain = await openPartChain(model, engine);
    const turns = await expectedOf(model, engine, chain, asked, options);
    const { plans, settings, repeat, steps } = asked;
    const runs = settings.length * repeat * plans.length;
    return {
      prefills: runs,
      steps: runs * (WARM_UP + steps),
      seconds: sum(turns, ({ seconds }) => seconds),
      bytes: needOf(model, engine, asked).bytes,
    };
  },
});

type Asked = ReturnType<typeof askedOf>;

function askedOf(model: Pick<StudyModel, "spec" | "identity">, options: OverPlans<SpeedOptions>) {
  const { batch, context, new: steps, repeat, seed } = filled(speedChecks, options);
  return {
    plans: [noDrop, ...options.plans.map((plan) => dropsIn(model, plan))],
    settings: batch.flatMap((texts) => context.map((tokens) => ({ batch: texts, context: tokens }))),
    steps,
    repeat,
    seed,
  };
}

async function measured(model: StudyModel, asked: Asked, options: SpeedOptions): Promise<Speed> {
  const { plans, settings } = asked;
  const engine = await engineFor(model, asked, options);
  using report = turnReporter(`speed of ${model.name}`, options);
  const points: Speed["points"] = [];
  await using chain = await openPartChain(model, engine);
  const expected = await expectedOf(model, engine, chain, asked, options);
  report.expect(sum(expected, ({ seconds }) => seconds));
  for (const [i, setting] of settings.entries()) {
    const { secondsOf } = expected[i];
    points.push(
      await pointOf(model, engine, chain, setting, asked, {
        ...options,
        onTurn: (what, players) => report.begin(sum(players, (i) => secondsOf(i, what)), what !== "step"),
        onRead: report.read,
      }),
    );
  }
  report.end();
  return displayable({
    ...headOf(model, asked, await computedOn(options)),
    plans: plans.map((drop) => ({
      drop: planData(drop),
      weightBytes: decodingBytes(changedModel(model, drop), engine.has),
    })),
    points,
  });
}

const headOf = ({ identity: model }: StudyModel, { repeat, steps, seed }: Asked, computed: Computed) => ({
  ...head(speedKind),
  ...{ lamina: VERSION, model, computed, repeat, new: steps, seed },
});

/** The same in llama.cpp, where plans are GGUF files. */
async function measuredInLlama(model: StudyModel, asked: Asked, options: SpeedOptions): Promise<Speed> {
  const { plans, settings, steps, repeat, seed } = asked;
  const job = { contexts: settings.map(({ context }) => context), steps, repeat, seed, warmUp: WARM_UP };
  const { times, bytes } = await turnsInLlama(model, plans, job, options);
  const lost = pointsLost(model, plans, options.evaluations ?? []);
  return displayable({
    ...headOf(model, asked, { dtype: "as stored", engine: "llama.cpp", runtime: "llama.cpp 0.5.0" }),
    plans: plans.map((drop, i) => ({ drop: planData(drop), weightBytes: bytes[i] })),
    points: settings.map((setting, at) => ({
      ...setting,
      plans: plans.map((plan, i) => ({
        keyBytes: keyBytes(model.spec, plan, setting.context, HALF),
        ...measuredOf(times[at], i, steps, lost[i]),
      })),
    })),
  });
}

/** The seconds that each setting is expected to take, and of them a turn of each player: of the plans, then of the parts. */
async function expectedOf(
  model: StudyModel,
  engine: Engine,
  chain: Chain,
  { settings, plans, steps, repeat }: Asked,
  options: SpeedOptions,
) {
  const roof = {
    bandwidth: chain.bytes / await usualSeconds(() => chain.run(1, options.signal)),
    rate: await studySpeed(stepForm(model, engine.has), engine),
  };
  const on = { model, has: engine.has };
  return settings.map((setting) => {
    const { batch, context } = setting;
    const players = [
      ...plans.map((plan) => predict(on, plan, setting, steps, bytesAlone({ products: roof }))),
      ...expectedOfParts(model, engine.has, chain, setting, steps, roof),
    ];
    const secondsOf = (i: number, what: keyof Player) =>
      what === "warmUp" ? players[i].prefill * readAtOnce(context, batch) / context : players[i][what];
    const each = players.map((_, i) =>
      secondsOf(i, "warmUp") + repeat * (secondsOf(i, "prefill") + (WARM_UP + steps) * secondsOf(i, "step"))
    );
    return { secondsOf, seconds: sum(each) };
  });
}

/** The engine, once there is room for the largest setting. */
async function engineFor(model: StudyModel, asked: Asked, options: SpeedOptions): Promise<Engine> {
  const engine = await engineOf(options);
  await expectRoom(needOf(model, engine, asked), options);
  const longest = Math.max(...asked.settings.map(({ context }) => context + asked.steps));
  noticeBeyond(model, "texts", longest, options);
  return engine;
}

/** How many times as fast as the full model a plan reads and writes, without the parts of a token's time. */
export async function speedupOf(model: StudyModel, plan: DropPlan, options: SpeedOptions) {
  const asked = askedOf(model, { ...options, plans: [plan] });
  const engine = await engineFor(model, asked, options);
  const { settings: [setting], repeat, steps } = asked;
  const turns = { repeat, steps, warmUp: WARM_UP, signal: options.signal };
  const report = reporter(`speed of ${model.name}`, "turns", options);
  let done = 0;
  const onTurn = () => report(done++, turnsOf(asked.plans.length, turns));
  await using readers = await openReaders(model, engine, setting, asked, options);
  const [full, dropped] = await takeTurns(readers.players, { ...turns, onTurn });
  return ratiosOf(full, dropped, steps);
}

/** Players that are no plans (parts.ts). */
const PARTS = 6;

async function pointOf(
  model: StudyModel,
  engine: Engine,
  chain: Chain,
  setting: Setting,
  asked: Asked,
  { signal, onTurn, onRead, evaluations = [] }:
    & SpeedOptions
    & Pick<TurnOptions, "onTurn">
    & Pick<DecoderOptions, "onRead">,
): Promise<Speed["points"][number]> {
  const { plans, steps, repeat } = asked;
  await using readers = await openReaders(model, engine, setting, asked, { signal, onRead });
  await using parts = await openParts(model, engine, chain, setting, { signal, onRead });
  const players = [...readers.players, ...parts.players];
  const times = await takeTurns(players, { repeat, steps, warmUp: WARM_UP, signal, onTurn });
  const part = parts.read(times.slice(plans.length).map(mediansOf), steps);
  const { products, keys, overhead } = part;
  const on = { model, has: engine.has };
  const bound = plans.map((plan) => predict(on, plan, setting, steps, bytesAlone(part)));
  const predicted = plans.map((plan) => predict(on, plan, setting, steps, part));
  const lost = pointsLost(model, plans, evaluations);
  return {
    ...setting,
    parts: { ...products, keyBandwidth: keys.bandwidth, keyRate: keys.rate, ...overhead },
    plans: plans.map((_, i) => ({
      keyBytes: readers.contextBytes[i],
      ...measuredOf(times, i, steps, lost[i]),
      roofline: fasterBy(bound[0], bound[i], steps),
      predicted: fasterBy(predicted[0], predicted[i], steps),
    })),
  };
}

/** Opens the plans as players of a setting; gives the bytes of each one's keys and values once it has read its context. */
async function openReaders(
  model: StudyModel,
  engine: Engine,
  setting: Setting,
  { plans, seed }: Asked,
  { signal, onRead }: Pick<DecoderOptions, "signal" | "onRead">,
) {
  const on = { model, engine, budget: engine.has.memoryBytes, texts: setting.batch, signal, onRead };
  const { opened, ...disposal } = await openDecoders(plans.map((plan) => ({ ...on, plan })));
  const contextBytes = opened.map(() => 0);
  const players = opened.map((one, i): Player => {
    const player = decoderPlayer(one, setting, model.spec.vocabulary, seed);
    const prefill = async () => {
      await player.prefill();
      contextBytes[i] = one.keyBytes; // of the context alone: steps add to them
    };
    return { ...player, prefill };
  });
  return { players, contextBytes, ...disposal };
}

/** Points of average accuracy that each plan loses; null where an evaluation of it or of the full model is missing. */
function pointsLost(
  { identity }: StudyModel,
  plans: readonly DropPlan[],
  evaluations: readonly Evaluation[],
): (number | null)[] {
  const averageOf = (plan: DropPlan) =>
    evaluations.find(({ provenance: { model, drop } }) =>
      model.fingerprint === identity.fingerprint && planHash(drop) === planHash(plan)
    )?.average?.value ?? null;
  const full = averageOf(noDrop);
  return plans.map(averageOf).map((own) => full === null || own === null ? null : 100 * (full - own));
}

/** The estimated cost of a speed measurement. */
export interface SpeedEstimate {
  /** Number of prefills of the full model and the plans. */
  readonly prefills: number;
  /** Number of decoding steps of the full model and the plans. */
  readonly steps: number;
  /** Approximate time on this machine, in seconds. */
  readonly seconds: number;
  /** Approximate memory of the largest setting, in bytes. */
  readonly bytes: number;
}

/**
 * Memory of the largest setting: weights, keys, values and ids of all plans, of which each may keep the memory for weights; those of
 * the parts, which have keys for the whole context once and for a short one twice; and what is made of tokens: streams, the widest
 * module, logits, and what graphs watch, for whose sizes (the model's and two of the narrow one) memory is not shared.
 */
function needOf(model: StudyModel, { has }: Pick<Engine, "has">, { plans, settings, steps }: Asked): Need {
  const { spec } = model;
  const narrow = narrowModel(model).spec;
  const weights = sum(
    plans,
    (plan) => Math.min(has.memoryBytes, decodingBytes(changedModel(model, plan), has)),
  );
  const needs = settings.map(({ batch, context }) => {
    const length = context + WARM_UP + steps;
    const keysOf = (plan: DropPlan, tokens: number) => keyBytes(spec, plan, rowsFor(tokens, batch), FLOAT32);
    const keys = sum(plans, (plan) => keysOf(plan, length)) +
      (keysOf(noDrop, length) + 2 * keysOf(noDrop, SHORT + WARM_UP + steps)) * LAYERS / spec.layers.length;
    const ids = (plans.length + PARTS) * (TEXT_BYTES + ID_BYTES * length);
    const atOnce = readAtOnce(context, batch);
    const watched = atOnce * (watchedOf(spec) + watchedOf(narrow)) + SHORT * watchedOf(narrow);
    const made = FLOAT_BYTES *
      (spec.hidden * context + atOnce * Math.max(...spec.layers.map(widthOf)) + spec.vocabulary + watched);
    return {
      bytes: BASE_BYTES + CHAIN_BYTES + weights + batch * (keys + ids + made),
      what: `batch ${batch} at context ${context} (new ${steps})`,
    };
  });
  return needs.reduce((most, need) => need.bytes > most.bytes ? need : most);
}

/** Numbers that a graph of new tokens watches of each: streams, queries and keys, side by side and squared. */
function watchedOf({ layers, hidden }: ModelSpec): number {
  return 2 * sum(layers, (layer) => 2 * hidden + widthOf({ ...layer, mlp: null }) / 2);
}
