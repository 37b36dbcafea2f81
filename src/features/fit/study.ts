/**
 * The smallest file within a divergence. Each part of the model is measured alone, one path through all plans follows, plans on it are
 * looked at on half of the samples and scale its prediction, and the other half confirms the answer beside what is as small by other means.
 */
import { displayable } from "core/entry/mod.ts";
import { formatShare } from "core/show/words/numbers.ts";
import { planHash } from "core/measure/mod.ts";
import { head, type Plan, planData, planKind } from "core/result/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { tasksNamed } from "core/tasks/mod.ts";
import { freeShared, type Shared } from "core/study/over.ts";
import { study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { halfOf, leakGuardOver, textOf } from "core/study/text.ts";
import { type Baseline, baselinesOf } from "./baselines.ts";
import { costsOf, divergencesIn, type Measured } from "./divergence.ts";
import { type Field, fieldOf, savedBy } from "./field.ts";
import { expectedSpeed, pointsIn, timesOf, TIMING } from "./judges.ts";
import { type Aims, aimsOf, keepsLimits, shareOfLimits } from "./limits.ts";
import { type Costs, measure, savedIn } from "./measure.ts";
import { fitChecks, type FitOptions } from "./options.ts";
import { answerOf, rungsAbout, type Stop, stopWithin } from "./path.ts";
import { type Divergence, type Fit, fitKind, type Row } from "./result.ts";
import { aloneAt, type Job, openSearch, type Search, withCosts } from "./search.ts";

export type { FitOptions };

/** Looks at plans on the samples that choose; more where a limit is not the divergence, which is predicted less well. */
const LOOKS = { kld: 3, others: 5 };
/** A look is near enough to the limits from this share of them on. */
const NEAR = 0.98;
/** Measured over predicted divergence from which the rest is measured again inside the plan. */
const OFF = 1.5;
/** Divergences of the plans that are confirmed, as shares of the chosen plan's. */
const RUNGS = [0.6, 0.8, 0.92, 1.02];
/** The divergence at which a search begins that limits accuracy alone. */
const FIRST = 0.05;

/**
 * Finds the smallest file that keeps all limits: `kld` (mean KL divergence of the next token from the model as stored, nats), `loss` (nats
 * per token), `perplexity` (a share) and `accuracy` (points on `tasks`), each by the upper end of its 95 % interval. For `file`,
 * `parameters`, `kvBytes` or `speed`, finds the plan that reaches it at the least divergence. What may change are the types of matrices and
 * tables in a GGUF file, and modules, which are dropped. The first half of the samples chooses, the second half confirms: plans of growing
 * size up to the first that breaks a limit. `plan` is null where nothing keeps the limits. Finished work is kept, so that an interrupted fit
 * resumes where it stopped.
 *
 * Throws `TypeError` without a limit and a target, and `RangeError` where nothing may change or no plan reaches the target.
 *
 * @example
 * ```ts
 * import { fit, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const text = { text: "README.md", samples: 8, length: 32 };
 * const { plan, confirmed } = await fit(model, { ...text, calibration: text, kld: 0.2 });
 * console.log(plan?.attention, confirmed.map(({ kld }) => kld.high));
 * ```
 */
export async function fit(model: StudyModel | string, options: FitOptions): Promise<Fit> {
  return await run(fitStudy, model, options);
}

export const fitStudy = study<FitOptions, Fit>({
  verb: "fit",
  label: "fit",
  checks: fitChecks,
  text: (model, options) => textOf(model, options, fitChecks),
  async run(scope, model, options) {
    const aims = aimsOf(options);
    // A task that is unknown is an error before anything runs.
    aims.limits.forEach(({ tasks }) => tasks?.forEach(tasksNamed));
    const field = await fieldIn(model, aims, options);
    const text = textOf(model, options, fitChecks);
    await scope.read(text);
    using sizing = await field.sizing.open();
    const shared: Shared = {};
    try {
      const search = await openSearch({ scope, model, options, aims, field, text, sizing, shared });
      return await resultOf(search);
    } finally {
      freeShared(shared);
    }
  },
});

const fields = new WeakMap<FitOptions, Promise<Field>>();
/** What may change, found once for the rehearsals of a study and its run. */
const fieldIn = (model: StudyModel, { target }: Aims, options: FitOptions): Promise<Field> =>
  fields.getOrInsertComputed(options, () => fieldOf(model, target, options));

/** A stop of the path with what it costs on the samples that choose. */
interface Look {
  readonly place: number;
  readonly drop: DropPlan;
  readonly costs: Measured;
  /** The largest share of a limit that it takes. */
  readonly share: number;
  readonly predicted: number;
}

const accuracyIn = ({ limits }: Aims) => limits.find(({ of }) => of === "accuracy");

/** Looks at a stop of the path; `place` below 0 for no look, which takes the turn of one in the progress. */
async function lookAt(
  search: Search,
  place: number,
  turn: number,
): Promise<Look & { base: Divergence } | null> {
  const { scope, model, text, shared, aims, path, planOf, options } = search;
  const stop = path[place];
  const drop = stop ? planOf(stop) : null;
  const title = `fit of ${model.name}: verifying`;
  const at = { model, text: halfOf(text, "choosing"), title, shared, isShared: turn > 0 };
  const [[base, own] = []] = await divergencesIn(scope, at, drop ? [[noDrop, drop]] : []);
  const limit = accuracyIn(aims);
  const [points] = limit && drop ? await pointsIn(scope, model, limit, [drop], "choosing", options) : [];
  if (!drop) return null;
  return scope.likely(() => {
    const costs = { ...costsOf(own, base), ...points ? { points } : {} };
    return { place, drop, costs, share: shareOfLimits(aims.limits, costs), predicted: stop.kld, base };
  }, () => {
    const none = { value: 0, low: 0, high: 0 };
    const costs = { kld: none, kld99: 0, same: none, loss: none, points: none };
    return { place, drop, costs, share: 1, predicted: stop.kld, base };
  });
}

/** The divergence that limits allow, as far as it is known before a look. */
const firstKld = ({ limits }: Aims): number =>
  Math.min(
    ...limits.map(({ of, amount }) =>
      of === "accuracy" ? FIRST : of === "perplexity" ? Math.log1p(amount) : amount
    ),
  );

/**
 * The place at which the limits are met: on the line between the looks next to it, by predicted divergence, or beyond them in proportion.
 */
function nextPlace(
  path: readonly Stop[],
  looks: readonly Pick<Look, "place" | "share" | "predicted">[],
): number {
  const sorted = looks.toSorted((a, b) => a.predicted - b.predicted);
  const above = sorted.find(({ share }) => share > 1);
  const below = sorted.findLast(({ share, predicted }) =>
    share <= 1 && predicted < (above?.predicted ?? Infinity)
  );
  const from = below ?? { share: 0, predicted: 0, place: 0 };
  const to = above ??
    (below && below.share > 0 ? { ...below, predicted: below.predicted / below.share, share: 1 } : null);
  if (!to) return path.length - 1;
  const wanted = from.share < 1 && to.share > from.share
    ? from.predicted + (1 - from.share) / (to.share - from.share) * (to.predicted - from.predicted)
    : from.predicted;
  return Math.max(0, stopWithin(path, wanted));
}

/** How the first stop is found that reaches the target; null without one. */
async function reaching({ scope, model, aims: { target } }: Search) {
  if (!target) return null;
  const isSpeed = target.of === "speed";
  const speed = isSpeed ? await scope.work(model, TIMING, (own) => expectedSpeed(model, own)) : null;
  const isEnough = (search: Search, drop: DropPlan) =>
    speed
      ? scope.likely(() => Promise.resolve(speed.of(drop) >= target.amount), () => Promise.resolve(true))
      : isReached(search, drop);
  return {
    isSpeed,
    /** The first stop of a path that reaches the target. Throws `RangeError` where none does. */
    async placeIn(search: Search): Promise<number> {
      const { path, planOf } = search;
      let [low, high] = [0, path.length - 1];
      if (!await isEnough(search, planOf(path[high]))) throw await tooMuch(search, planOf(path[high]), speed);
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (await isEnough(search, planOf(path[middle]))) high = middle;
        else low = middle;
      }
      return high;
    },
  };
}

/** The error of a target that no plan reaches, and what the smallest one has. */
async function tooMuch(
  { model: { name }, sizing, aims: { target } }: Search,
  drop: DropPlan,
  speed: Awaited<ReturnType<typeof expectedSpeed>> | null,
): Promise<RangeError> {
  const { bytes, saves: { parameters, parametersShare, kv } } = await sizing.of(drop);
  const { of, amount } = target!;
  const most: Readonly<Record<string, string>> = {
    file: `at least ${bytes} bytes`,
    parameters: `at most ${parameters} (${formatShare(parametersShare)})`,
    "kv-bytes": `at most ${kv.bytes} (${formatShare(kv.share)})`,
    speed: `at most ${speed?.of(drop).toFixed(2)}`,
  };
  return new RangeError(
    `Cannot fit ${name}: ${of} is ${amount}, expected ${most[of]}, what the smallest plan has`,
  );
}

/** Whether a plan reaches the target by its size. */
async function isReached({ aims: { target }, sizing }: Search, drop: DropPlan): Promise<boolean> {
  const { of, amount } = target!;
  const sized = await sizing.of(drop);
  const { saves, bytes, file } = sized;
  if (of === "file") {
    return bytes !== null && bytes <= (amount <= 1 ? amount * Math.min(file!.original, file!.whole) : amount);
  }
  if (amount > 1) return savedBy(target, sized) >= amount;
  return (of === "parameters" ? saves.parametersShare : saves.kv.share) >= amount;
}

/** What a search chose: the place on its path, what was looked at, and how far predictions were off. */
interface Chosen {
  readonly search: Search;
  readonly place: number;
  readonly looks: readonly Look[];
  readonly prediction: Fit["prediction"];
  /** The model as stored on the samples that choose. */
  readonly base: Divergence;
  readonly times: Fit["times"];
}

/** Measured over predicted divergence of a plan, on the text on which its parts were measured. */
async function ratioOf(search: Search, { drop, predicted }: Look): Promise<number> {
  const { scope } = search;
  const [[own]] = await divergencesIn(scope, aloneAt(search, "verifying"), [[drop]]);
  return scope.likely(() => predicted > 0 ? own.kl / predicted : 1, () => 1);
}

/** The search with its parts measured again inside a plan that diverges far more than predicted; else the same search. */
async function anew(search: Search, { place }: Look, isOff: boolean): Promise<Search> {
  const { scope, field, path, weighed } = search;
  const at = aloneAt(search, "measuring again");
  const again = await measure(scope, at, isOff ? field.sites : [], path[place], weighed);
  return isOff ? withCosts(search, again) : search;
}

/** The first place on a path that was made anew inside a plan: its sums are scaled to what that plan was measured to cost. */
function placeAfter({ path, aims }: Search, before: Stop, { costs }: Look): number {
  const same = path.find(({ saved }) => saved >= before.saved) ?? path.at(-1)!;
  return Math.max(1, stopWithin(path, firstKld(aims) * same.kld / costs.kld.value));
}

async function choose(first: Search): Promise<Chosen> {
  const { scope, aims, path } = first;
  const reached = await reaching(first);
  const place = reached
    ? await reached.placeIn(first)
    : scope.likely(() => Math.max(1, stopWithin(path, firstKld(aims))), () => path.length >> 1);
  const look = (await lookAt(first, place, 0))!;
  const ratio = await ratioOf(first, look);
  const isOff = ratio > OFF;
  const search = await anew(first, look, isOff);
  const common = { base: look.base, prediction: { ratio, again: isOff } };
  if (reached) return { ...common, ...await cheaper(first, search, look, reached) };
  const known = isOff ? [] : [look];
  let next = isOff ? placeAfter(search, path[place], look) : nextPlace(search.path, known);
  const turns = aims.limits.every(({ of }) => of === "kld") ? LOOKS.kld : LOOKS.others;
  for (let turn = 1; turn < turns; turn++) {
    const isDone = scope.likely(
      () => next < 1 || known.some(({ place, share }) => place === next || share > NEAR && share <= 1),
      () => false,
    );
    const own = await lookAt(search, isDone ? -1 : next, turn);
    if (!own) continue;
    known.push(own);
    next = scope.likely(() => nextPlace(search.path, known), () => next);
  }
  return { ...common, search, place: next, looks: [...new Set([look, ...known])], times: null };
}

/** Of the plans that reach a target, before and after parts were measured again, the one that diverges less. */
async function cheaper(
  first: Search,
  search: Search,
  look: Look,
  { placeIn, isSpeed }: NonNullable<Awaited<ReturnType<typeof reaching>>>,
): Promise<Omit<Chosen, "base" | "prediction">> {
  const { scope, model } = first;
  const place = search === first ? -1 : await placeIn(search);
  const other = await lookAt(search, place, 1);
  const isBetter = other !== null && other.costs.kld.value < look.costs.kld.value;
  const { drop } = isBetter ? other : look;
  const times = isSpeed ? await scope.work(model, TIMING, (options) => timesOf(model, drop, options)) : null;
  return {
    ...isBetter ? { search, place } : { search: first, place: look.place },
    looks: [look, ...other ? [other] : []],
    times,
  };
}

async function rowOf(
  { sizing }: Job,
  drop: DropPlan,
  predicted: number | null,
  { kld, kld99, same, loss, points }: Measured,
): Promise<Row> {
  const { bytes, saves } = await sizing.of(drop);
  return {
    drop: planData(drop),
    saves,
    bytes,
    predicted,
    kld,
    kld99,
    same,
    loss,
    ...points ? { points } : {},
  };
}

/** The costs of plans on the samples that confirm, in one run. */
async function confirmed({ scope, model, text, aims, options }: Search, drops: readonly DropPlan[]) {
  const title = `fit of ${model.name}: confirming`;
  const at = { model, text: halfOf(text, "confirming"), title };
  const [[base, ...runs]] = await divergencesIn(scope, at, [[noDrop, ...drops]]);
  const limit = accuracyIn(aims);
  const points = limit ? await pointsIn(scope, model, limit, drops, "confirming", options) : [];
  return {
    provenance: base.provenance,
    costs: runs.map((run, i): Measured => ({ ...costsOf(run, base), ...limit ? { points: points[i] } : {} })),
  };
}

async function resultOf(first: Search): Promise<Fit> {
  const { model, aims, options, text, scope } = first;
  const { limits, target } = aims;
  const chosen = await choose(first);
  const { search, place, looks, prediction, base, times } = chosen;
  const { path, planOf, sites, sizing } = search;
  const rungs = target ? [place] : rungsAbout(path, Math.max(1, place), RUNGS);
  const others: Baseline[] = place > 0 ? baselinesOf(sites, path[place].saved, search.field.mayDrop) : [];
  const drops = [...rungs.map((rung) => path[rung]), ...others].map(planOf);
  const { provenance: confirming, costs } = await confirmed(search, drops);
  const rows = await Promise.all(
    drops.map((drop, i) => rowOf(search, drop, path[rungs[i]]?.kld ?? null, costs[i])),
  );
  const tests = rows.slice(0, rungs.length).map((row, i) => ({
    ...row,
    keeps: keepsLimits(limits, costs[i]),
  }));
  const answer = answerOf(tests);
  const drop = drops[answer ?? 0];
  const { file, saves } = await sizing.of(answer === null ? noDrop : drop);
  const hashes = new Set(tests.map(({ drop }) => planHash(drop)));
  const result: Fit = displayable({
    ...head(fitKind),
    provenance: base.provenance,
    confirming,
    calibration: first.alone.full!.provenance,
    aims: [...limits, ...target ? [target] : []],
    ...file ? { file } : {},
    measured: measuredIn(first.alone),
    prediction,
    curve: path.map(({ saved, kld }) => ({ saved, kld })),
    looks: await Promise.all(looks.map((look) => rowOf(search, look.drop, look.predicted, look.costs))),
    confirmed: tests,
    answer,
    baselines: rows.slice(rungs.length).map((row, i) => ({ ...row, by: others[i].by, type: others[i].type }))
      .filter(({ drop }) => !hashes.has(planHash(drop))),
    plan: answer === null ? null : planFor(model, drop, saves),
    times: answer === null ? null : times,
  });
  if (!result.plan) return result;
  const guard = await leakGuardOver(model, text, [options.text, options.calibration?.text], scope.options);
  return await guard(result, [result.plan]);
}

function measuredIn({ trials }: Costs): Fit["measured"] {
  return trials.map(({ site, choices, kld }) => {
    const [first] = choices;
    if (!first) {
      const { modules: [{ module, layer }, other], saved } = site.drop!;
      return { module: other ? "block" : module, layer, to: "nothing", saved: Math.round(saved), kld };
    }
    const { place } = first.unit;
    const own = "table" in place
      ? { module: place.table, layer: null }
      : { module: place.module, layer: place.layer };
    const to = [...new Set(choices.map(({ level }) => level.type ?? "one table"))].join(", ");
    return { ...own, to, saved: savedIn(choices), kld };
  });
}

/** The answer as a plan: of types, or of modules that are dropped. */
function planFor({ identity, name }: StudyModel, drop: DropPlan, saves: Plan["saves"]): Plan {
  return {
    ...head(planKind),
    ...{ model: name, layers: identity.layers, by: "kl", seed: null },
    target: drop.changes || drop.tables ? "types" : "joint",
    ...planData(drop),
    order: [],
    saves,
  };
}
