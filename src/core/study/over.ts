/**
 * Results over the samples of a text: what their numbers depend on, which passes they take, how some samples are measured.
 *
 * A result is of some samples under one plan. Its key is known from text, options and what computes it, so that "is it kept?" is looked up.
 */
import { inParts, phased, sum } from "../entry/mod.ts";
import { planHash } from "../measure/mod.ts";
import type { Model } from "../models/mod.ts";
import { isEarlier, keep, keptResult, originOf, type Summed, type Types } from "../result/mod.ts";
import type { Blocks, DropPlan, Probe, Reference } from "../run/mod.ts";
import type { Packed, StudyModel } from "../subject/mod.ts";
import { expectRoom, flopsOf, type Need, needOf, type Pass, type Size } from "./estimate.ts";
import { computedOn, precisionOf, provenance, type RunOptions, tellReused } from "./options.ts";
import { batchesOf, inTurn, type Span, spansOf } from "./stage.ts";
import { samplesOf, type Text } from "./text.ts";

/** A model under study; of an untrained one, the seed of its weights, which are drawn while it runs. */
export type Subject = Model & Pick<StudyModel, "identity" | "tokenizer"> & { readonly seed?: number };

/** The full model's streams over a text, which groups of plans, and several calls, are held against. */
export type Shared = { full?: Reference | undefined };

export function freeShared(shared: Shared): void {
  shared.full?.free();
  shared.full = undefined;
}

/** Plans that run together: what each result is known by, their passes, what reports call them, and what observes them. */
export interface Running<Own = unknown, K extends Types = Types> {
  readonly model: Subject;
  readonly blocks: Blocks;
  readonly own: Own;
  readonly requests: readonly K["request"][];
  readonly passes: readonly Pass[];
  readonly shared: Shared;
  readonly name: string;
  readonly probes?: readonly Probe[];
}

/** How results over a text are made. `Own` is what the options come to in a model. */
export interface Measure<Own, K extends Types> {
  readonly result: Pick<Summed<K>, "kind" | "from"> & Partial<Pick<Summed<K>, "join">>;
  /** What results depend on besides model, text, plan and what computes them, some of it in their provenance; the whole text is at hand. */
  origin?(
    own: Own,
    whole: Packed,
    span: Span,
  ): Omit<K["request"], "provenance"> & { readonly provenance?: object };
  /** What runs under some plans; `isFirst` for those beside which the full model runs, where plans are compared with it. */
  passes(model: Subject, own: Own, size: Size, plans: readonly DropPlan[], isFirst: boolean): readonly Pass[];
  /** The sums of some samples, for each request. */
  measure(running: Running<Own, K>, options: RunOptions): Promise<readonly K["sums"][]>;
}

/** A model over a text, and what is said of its results. */
export interface Place<Own> {
  readonly model: Subject;
  readonly text: Text;
  readonly own: Own;
  /** For notices that results are used again, which count them where plans are many; without it, there are none. */
  readonly label?: string;
  readonly isCounted?: boolean;
  /** What reports call all groups of plans, and each of them. */
  readonly title?: string;
  nameOf?(group: number): string;
  /** Where the full model's streams stay, which the owner frees; by default, they are freed in the end. */
  readonly shared?: Shared | undefined;
  /** What a study needs of which this is the beginning, so that it does not fail later. */
  readonly need?: Need | undefined;
  /** The least floating-point operations of a part; default: some minutes' work. */
  readonly least?: number;
}

/** Work of some minutes on a CPU and on a device, in floating-point operations: a stop loses no more, and weights are seldom read again. */
const [ON_CPU, ON_DEVICE] = [1e14, 1e16];

/** The samples that are measured and kept by themselves: whole batches, so that their sums join to the digits of one run. */
async function partsIn<Own>(
  { text, least }: Place<Own>,
  { from, to }: Span,
  flops: number,
  options: RunOptions,
) {
  const { size } = batchesOf(text.sizes);
  const batches = Math.ceil((to - from) / size);
  const isOnCpu = (await computedOn(options)).device === undefined;
  const count = Math.floor(flops / (least ?? (isOnCpu ? ON_CPU : ON_DEVICE)));
  return spansOf(Array(batches).fill(1), Math.max(1, count)).map((span): Span => (
    { from: from + span.from * size, to: Math.min(to, from + span.to * size) }
  ));
}

/** What the results of plans over some samples are known by. */
export async function requestsOf<Own, K extends Types>(
  { origin }: Measure<Own, K>,
  { model, text, own }: Place<Own>,
  span: Span,
  plans: readonly DropPlan[],
  options: RunOptions,
): Promise<K["request"][]> {
  const packed = await samplesOf(text, span).pack(options);
  const beside = origin?.(own, await text.pack(options), span);
  return await Array.fromAsync(plans, async (plan) => ({
    ...beside,
    provenance: { ...await provenance(model, packed, plan, options), ...beside?.provenance },
  }));
}

export const allOf = ({ sizes: { samples } }: Text): Span => ({ from: 0, to: samples });

/**
 * Results of plans by group, as they are kept or made now; each group is one run. A plan counts in the first group that has it, and what
 * an interrupted run has finished is kept by group, or by part of the text where the work is long.
 */
export async function measured<Own, K extends Types>(
  how: Measure<Own, K>,
  place: Place<Own>,
  groups: readonly (readonly DropPlan[])[],
  options: RunOptions,
  span = allOf(place.text),
): Promise<K["result"][][]> {
  const { model, text, own, label, isCounted, title, nameOf = () => "layers and head", shared, need } = place;
  const { result: { kind, from, join }, passes, measure } = how;
  const at = inParts(title ?? null, { packing: 0, running: 1 }, options);
  const { blocks } = await samplesOf(text, span).pack(at.packing);
  const named = groups.flatMap((plans, group) =>
    plans.map((plan) => ({ group, plan, hash: planHash(plan) }))
  );
  const distinct = named.filter(({ hash }, i) => named.findIndex((one) => one.hash === hash) === i);
  const requests = await requestsOf(how, place, span, distinct.map(({ plan }) => plan), at.packing);
  const results = new Map<string, K["result"]>();
  for (const [i, { hash }] of distinct.entries()) {
    const found = await keptResult(kind, originOf(requests[i], kind), options) as K["result"] | null;
    if (found) results.set(hash, found);
  }
  const reused = [...results.values()].filter(isEarlier).length;
  if (label !== undefined && reused > 0) {
    tellReused(options, label, !isCounted ? "result" : reused === 1 ? "1 result" : `${reused} results`);
  }
  const streams = shared ?? {};
  const all = distinct.map((one, i) => ({ ...one, request: requests[i] }));
  const runs = groups.map((_, group) => all.filter((one) => one.group === group));
  const lacking = runs.map((run) => run.filter(({ hash }) => !results.has(hash)));
  const full = streams.full ? -1 : lacking.findIndex(({ length }) => length > 0);
  const passesOf = (run: typeof all, group: number) =>
    run.length > 0 ? passes(model, own, blocks, run.map(({ plan }) => plan), group === full) : [];
  const running = lacking.map(passesOf);
  const weights = running.map((passes) => flopsOf(model, passes));
  const before = Math.max(0, sum(runs.map(passesOf), (passes) => flopsOf(model, passes)) - sum(weights));
  if (label !== undefined && running.flat().length > 0 && precisionOf(options) === "int8") {
    options.onNotice?.(
      `${label}: int8 takes longer than float32 where texts are read; it pays where they are written`,
    );
  }
  const spans = join && options.results && !shared
    ? await partsIn(place, span, sum(weights), options)
    : [span];
  const part = phased(null, [before, ...spans.length > 1 ? [sum(weights)] : weights], at.running);
  const keepAll = async (run: typeof all, sums: readonly K["sums"][]) => {
    for (const [i, { hash, request }] of run.entries()) {
      results.set(hash, await keep(kind, from(request, sums[i]), options));
    }
  };
  if (join && spans.length > 1) {
    const { label: _, title: __, ...unnamed } = place;
    const plans = lacking.map((run) => run.map(({ plan }) => plan));
    const found = (await inTurn(
      spans,
      part(1),
      (own, options) => measured(how, unnamed, plans, options, own),
      { weight: ({ from, to }) => to - from },
    )).map((part) => part.flat());
    const reused = found.filter((part) => part.every(isEarlier)).length;
    if (label !== undefined && reused > 0) tellReused(options, label, `${reused} of ${spans.length} parts`);
    const run = lacking.flat();
    await keepAll(run, run.map((_, i) => join(found.map((part) => part[i]))));
  } else if (running.flat().length > 0) {
    const least = needOf(model, running.flat());
    await expectRoom(need && need.bytes > least.bytes ? need : least, options);
    try {
      for (const [group, run] of lacking.entries()) {
        if (run.length === 0) continue;
        const [requests, name] = [run.map(({ request }) => request), nameOf(group)];
        const asked = { model, blocks, own, requests, passes: running[group], shared: streams, name };
        await keepAll(run, await measure(asked, part(1 + group)));
      }
    } finally {
      if (!shared) freeShared(streams);
    }
  }
  const byGroup = Map.groupBy(named, ({ group }) => group);
  return groups.map((_, group) => (byGroup.get(group) ?? []).map(({ hash }) => results.get(hash)!));
}
