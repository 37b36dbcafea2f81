/**
 * A rehearsal is a study's function with a scope that computes nothing. It gives the price, the memory, the weights of the progress and
 * what machines can share.
 */
import { planHash } from "../measure/mod.ts";
import { head, keptResult, originOf, type Provenance } from "../result/mod.ts";
import { type DropPlan, noDrop } from "../run/mod.ts";
import {
  type Call,
  distinctOf,
  flopsIn,
  isStandIn,
  keptOver,
  needIn,
  type Rehearsal,
  type Scope,
} from "./call.ts";
import type { StudyModel } from "../subject/mod.ts";
import { bytesOf, flopsOf, needOf, type Size } from "./estimate.ts";
import { lookingUp, NotKept, provenance, type RunOptions } from "./options.ts";
import { allOf, type Place } from "./over.ts";
import { batchesOf } from "./stage.ts";

/** A value of a rehearsal that nothing has measured was read. */
class Unknown extends Error {}

const get = (_: object, name: string | symbol) => {
  if (name === "then") return undefined;
  throw new Unknown();
};
const never = () => {
  throw new Unknown();
};
/** Stands for a value that is not known: reading any part of it throws `Unknown`; awaiting it does not. */
const unknown = <T>(): T => new Proxy({}, { get, has: never, ownKeys: never }) as T;
/** Stands for an origin that is not known: only what names a result spreads it, and nothing reads it before a result is known. */
const unknownOrigin = () => new Proxy({}, { get }) as Provenance;

/** Gives null for what is not known or not kept. */
function orNull(error: unknown): null {
  if (error instanceof NotKept || error instanceof Unknown) return null;
  throw error;
}

/** Rehearses a function; with `looks`, what earlier runs kept is known. */
export async function rehearsed(
  run: (scope: Scope) => Promise<unknown>,
  options: RunOptions,
  looks: boolean,
  parts = 1,
): Promise<Rehearsal> {
  const { onProgress } = options;
  const own: RunOptions = {
    ...looks ? await lookingUp(options) : { ...options, results: undefined },
    onProgress: onProgress && ((one) => one.unit === "bytes" && onProgress(one)),
    onNotice: undefined,
  };
  const rehearsal: Rehearsal = { calls: [], keeps: [] };
  await run(rehearsing(rehearsal, own, { looks, parts, memory: openMemory() })).catch(orNull);
  return rehearsal;
}

/** The plans that earlier calls of a rehearsal have measured in the same way, which are remembered then. */
function openMemory() {
  const all: { readonly of: readonly unknown[]; readonly keys: Set<string | DropPlan> }[] = [];
  return (how: object, { model, text, own }: Place<unknown>) => {
    const of = [how, model.spec, model.weights, model.seed, text, own];
    const known = all.find((one) => one.of.every((part, i) => part === of[i])) ?? { of, keys: new Set() };
    if (!all.includes(known)) all.push(known);
    return known.keys;
  };
}

/** Whether what earlier runs kept is known, the number of machines, and what earlier calls have measured. */
interface Knowing {
  readonly looks: boolean;
  readonly parts: number;
  readonly memory: ReturnType<typeof openMemory>;
}

function rehearsing({ calls, keeps }: Rehearsal, options: RunOptions, knowing: Knowing): Scope {
  const { looks, parts, memory } = knowing;
  return {
    options,
    read: async (text) => looks ? void await text.pack(options) : undefined,
    origin: async (model, text, plan = noDrop) =>
      looks ? await provenance(model, await text.pack(options), plan, options) : unknownOrigin(),
    async over(how, place, groups) {
      const { model, text: { sizes }, own } = place;
      const remembered = memory(how, place);
      const distinct = distinctOf(groups).filter(({ key }) => !remembered.has(key));
      const real = distinctOf(groups).filter(({ plan }) => !isStandIn(plan));
      const { results } = looks
        ? await keptOver(how, place, allOf(place.text), real.map(({ plan }) => plan), options)
        : { results: [] };
      const found = new Map(real.flatMap(({ key }, i) => results[i] ? [[key, results[i]]] : []));
      const passesOf = (some: typeof distinct) => {
        const runs = groups.map((_, group) => some.filter((one) => one.group === group));
        const first = runs.findIndex(({ length }) => length > 0);
        return runs.flatMap((run, group) =>
          run.length === 0 ? [] : how.passes(model, own, sizes, run.map(({ plan }) => plan), group === first)
        );
      };
      const lacking = distinct.filter(({ key }) => !found.has(key));
      const passes = passesOf(distinct);
      const need = place.need ?? needOf(model, passes);
      for (const { key } of distinct) remembered.add(key);
      const run = { model, passes, lacking: passesOf(lacking), need };
      const plans = place.isCounted === false ? [] : lacking.map(({ key }) => key);
      calls.push({ ...batched(run, sizes), runs: [run], plans, items: [] });
      return groups.map((plans) => plans.map((plan) => found.get(planHash(plan)) ?? unknown()));
    },
    async work(model, passes, compute) {
      const value = looks ? await compute(options).catch(orNull) : null;
      const need = needOf(model, passes);
      const run = { model, passes, lacking: value === null ? passes : [], need };
      const whole = { unit: "whole parts", costs: [flopsIn([{ runs: [run] }])], bytes: () => need.bytes };
      calls.push({
        ...whole,
        runs: [run],
        plans: run.lacking.flatMap(({ plans }) => plans.map(planHash)),
        items: [],
      });
      return value ?? unknown();
    },
    async each(unit, all, run, { areAlike = false } = {}) {
      const items: Rehearsal[] = [];
      const values = [];
      for (const [i, item] of all.entries()) {
        const own: Rehearsal = areAlike && i > 0 ? items[0] : { calls: [], keeps: [] };
        items.push(own);
        const [given, knows] = areAlike
          ? [{ ...options, results: undefined }, { ...knowing, looks: false }]
          : [options, knowing];
        const value = areAlike && i > 0
          ? null
          : await run(rehearsing(own, given, knows), item, i).catch(orNull);
        values.push(value ?? unknown<NonNullable<typeof value>>());
      }
      const inner = items.map(({ calls }) => calls);
      const widest = Math.max(...inner.flat().map(({ costs }) => costs.length));
      if (parts > items.length && widest > items.length) { // more machines can share the calls of an item
        calls.push(...inner.flat());
        keeps.push(...items.flatMap(({ keeps }) => keeps));
        return values;
      }
      calls.push({
        ...{ unit, items, costs: inner.map((calls) => flopsIn(calls)) },
        bytes: ({ from, to }) => needIn(inner.slice(from, to).flat())?.bytes ?? 0,
        runs: inner.flat().flatMap(({ runs }) => runs),
        plans: inner.flat().flatMap(({ plans }) => plans),
      });
      return values;
    },
    async kept(kind, _, request, make) {
      const found = looks ? await keptResult(kind, originOf(request, kind), options) : null;
      if (found) {
        keeps.push({ calls: 0, keeps: 0 });
        return found;
      }
      const [before, place] = [calls.length, keeps.push({ calls: 0, keeps: 0 })];
      const made = await make();
      keeps[place - 1] = { calls: calls.length - before, keeps: keeps.length - place };
      return { ...head(kind), ...made } as never;
    },
    tell() {},
    open: (model) => Promise.resolve(model as unknown as StudyModel),
    likely(value, otherwise) {
      try {
        return value();
      } catch (error) {
        if (error instanceof Unknown) return otherwise();
        throw error;
      }
    },
  };
}

/** How machines share passes over a text: by batches of samples. */
function batched(
  { model, passes }: Call["runs"][number],
  sizes: Size,
): Pick<Call, "unit" | "costs" | "bytes"> {
  const { count, size, samplesOf } = batchesOf(sizes);
  const cost = flopsOf(model, passes) / sizes.samples;
  const samplesIn = (batch: number) => {
    const { from, to } = samplesOf({ from: batch, to: batch + 1 });
    return to - from;
  };
  return {
    unit: size === 1 ? "samples" : `batches of ${size} samples`,
    costs: Array.from({ length: count }, (_, batch) => cost * samplesIn(batch)),
    bytes(span) {
      const { from, to } = samplesOf(span);
      const some = passes.map((pass) => ({ ...pass, samples: Math.min(pass.samples, to - from) }));
      return bytesOf(model, some);
    },
  };
}
