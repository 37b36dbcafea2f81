/** A scope that measures, counts and keeps what earlier runs have not, or does one machine's share of it. */
import { displayable, phased, type Progress } from "../entry/mod.ts";
import {
  canonical,
  head,
  isEarlier,
  keep,
  keptResult,
  originOf,
  type Types,
  unrecorded,
} from "../result/mod.ts";
import { type DropPlan, noDrop } from "../run/mod.ts";
import {
  type Call,
  distinctOf,
  flopsIn,
  keptOver,
  needIn,
  type Over,
  type Rehearsal,
  type Scope,
} from "./call.ts";
import type { Need } from "./estimate.ts";
import { lookingUp, NotKept, provenance, type RunOptions, tellReused, withResidents } from "./options.ts";
import { allOf, measured, type Place } from "./over.ts";
import { batchesOf, type Span, spansOf } from "./stage.ts";

/** A machine's part of one call; calls before it are joined. Without a call, all of them are. */
interface Share {
  readonly parts: number;
  /** The number of the call, and of the machine's span of its units. */
  readonly stage: number;
  readonly index: number | null;
}

/** A machine has done its share. */
export class Done extends Error {}

/** Spans of a call's units that no machine has kept. */
export class Missing extends NotKept {
  constructor(readonly stage: number, readonly spans: readonly Span[]) {
    super();
  }
}

const NOTHING: Rehearsal = { calls: [], keeps: [] };

/** A scope that measures. Calls that were rehearsed weigh what they then came to, in one count. */
export function scopeOf(options: RunOptions, { calls, keeps }: Rehearsal = NOTHING, share?: Share): Scope {
  const weights = calls.map((call) => flopsIn([call]));
  const at = calls.length === 1 ? () => options : phased(null, weights, options, { kept: calls.map(keptIn) });
  let [turn, keeping, isOpen] = [0, 0, false];
  /** The result whose making is under way: its label, and the names of its parts that are from an earlier run. */
  let making: { readonly label: string; readonly reused: Set<string> } | null = null;

  /** The next call: its number, what is known of it, the options that it runs with, and what later calls need. */
  function next() {
    options.signal?.throwIfAborted();
    const number = turn++;
    if (share && number > share.stage) throw new Done();
    const own = calls[number] ? at(number) : options;
    const need = needIn(calls.slice(turn)) ?? undefined;
    return {
      number,
      call: calls[number] as typeof calls[number] | undefined,
      need,
      own: making ? labelled(own, making.label) : own,
    };
  }

  const scope: Scope = {
    options,
    read: async (text) => void await text.pack(options),
    origin: async (model, text, plan = noDrop) =>
      await provenance(model, await text.pack(options), plan, options),
    over: (how, place, groups) =>
      alone(async () => {
        const { number, call, need, own } = next();
        const from = { ...place, need: larger(place.need, need) };
        const found = (own: RunOptions) => measured(how, from, groups, own);
        const results = share
          ? await shared(number, own, async (own, isMine) => {
            const spans = spansOf(
              call?.costs ?? Array(batchesOf(place.text.sizes).count).fill(1),
              share.parts,
            );
            const mine = isMine ? spans[share.index ?? -1] : null;
            await joinParts(how, place, groups, { number, spans, mine }, own);
            return await found(own);
          })
          : await withWeights(place.model, call, own, found);
        for (const found of results.flat().filter(isEarlier)) {
          making?.reused.add(canonical([found.kind, originOf(found)]));
        }
        return results;
      }),
    work: (model, _, compute) =>
      alone(async () => {
        const { number, call, own } = next();
        if (!share) return await withWeights(model, call, own, compute);
        const found = async (own: RunOptions) =>
          await compute(await lookingUp(own)).catch((error) => {
            throw error instanceof NotKept ? new Missing(number, [{ from: 0, to: 1 }]) : error;
          });
        return await shared(number, own, (own, isMine) => isMine ? compute(own) : found(own));
      }),
    async each(_, items, run) {
      if (!calls[turn]?.items.length) {
        return await inTurn(items.entries(), ([i, item]) => run(scope, item, i));
      }
      const { items: known, costs } = calls[turn];
      const { number, own } = next();
      const shares = known.map(({ calls }) => keptIn({ runs: runsIn(calls) }));
      const each = phased(null, costs, own, { kept: shares });
      const one = (i: number, options: RunOptions) => run(scopeOf(options, known[i]), items[i], i);
      if (!share) return await inTurn(items.keys(), (i) => one(i, each(i)));
      return await shared(number, own, async (_, isMine) => {
        const spans = spansOf(costs, share.parts);
        const mine = isMine ? spans[share.index ?? -1] : undefined;
        const made = mine && await inTurn(unitsOf(mine), (i) => one(i, each(i)));
        if (made && spans.length === 1) return made;
        if (isMine) throw new Done();
        const looking = await lookingUp({ ...options, onProgress: undefined, onNotice: undefined });
        const lookUp = (span: Span) => inTurn(unitsOf(span), (i) => one(i, looking)).catch(orNull);
        const found = await inTurn(spans, lookUp);
        const missing = spans.filter((_, s) => found[s] === null);
        if (missing.length > 0) throw new Missing(number, missing);
        return found.flatMap((values) => values!);
      });
    },
    async kept(kind, label, request, make, isTold = true) {
      const inside = keeps[keeping++];
      const found = await keptResult(kind, originOf(request, kind), options);
      if (found) {
        turn += inside?.calls ?? 0;
        keeping += inside?.keeps ?? 0;
        if (isTold && isEarlier(found)) tellReused(options, label);
        return found;
      }
      const [outer, own] = [making, { label, reused: new Set<string>() }];
      making = own;
      const made = displayable({ ...head(kind), ...await make() });
      making = outer;
      const { size } = own.reused;
      if (isTold && size > 0) tellReused(options, label, size === 1 ? "1 result" : `${size} results`);
      return await keep(kind, made as never, options);
    },
    tell: (say) => say(),
    open: (model) => model.open(),
    likely: (value) => value(),
  };
  return scope;

  /** Runs a call of which no other is open: the count and the shares of machines depend on their order. */
  async function alone<T>(call: () => Promise<T>): Promise<T> {
    if (isOpen) {
      throw new Error(
        "Cannot measure: found two calls of a scope side by side, expected one after the other",
      );
    }
    isOpen = true;
    try {
      return await call();
    } finally {
      isOpen = false;
    }
  }

  /** Runs a machine's share of a call. Calls before it are joined from what others kept, which is no news, and not the machine's own. */
  async function shared<T>(
    number: number,
    own: RunOptions,
    use: (options: RunOptions, isMine: boolean) => Promise<T>,
  ): Promise<T> {
    if (number === share!.stage) return await use(own, true);
    return await unrecorded(() => use({ ...own, onNotice: undefined }, false));
  }

  async function inTurn<Item, T>(items: Iterable<Item>, run: (item: Item) => Promise<T>): Promise<T[]> {
    const values: T[] = [];
    for (const item of items) {
      options.signal?.throwIfAborted();
      values.push(await run(item));
    }
    return values;
  }
}

const unitsOf = ({ from, to }: Span) => Array.from({ length: to - from }, (_, i) => from + i);
const runsIn = (calls: readonly Call[]) => calls.flatMap(({ runs }) => runs);

/** The share of a call that an earlier run kept. */
function keptIn(call: Pick<Call, "runs">): number {
  const whole = flopsIn([call]);
  return whole > 0 ? 1 - Math.min(1, flopsIn([call], "lacking") / whole) : 0;
}

const larger = (a: Need | undefined, b: Need | undefined) => a && b ? (a.bytes > b.bytes ? a : b) : a ?? b;

function orNull(error: unknown): null {
  if (error instanceof NotKept) return null;
  throw error;
}

function labelled<O extends RunOptions>(options: O, label: string): O {
  const { onProgress } = options;
  if (!onProgress) return options;
  return {
    ...options,
    onProgress: (one: Progress) => onProgress({ ...one, label: `${label}: ${one.label}` }),
  };
}

/** Runs a call of several passes with the weights of its model at hand. */
async function withWeights<T>(
  { weights }: { readonly weights?: object },
  call: Call | undefined,
  options: RunOptions,
  use: (options: RunOptions) => Promise<T>,
): Promise<T> {
  if (!weights || !call || isOnce([call])) return await use(options);
  return await withResidents(weights, needIn([call])?.bytes ?? 0, options, use);
}

/** Whether calls read each weight once: keeping weights would take memory and save nothing. */
export function isOnce(calls: readonly Call[]): boolean {
  const passes = runsIn(calls).flatMap(({ passes }) => passes);
  return passes.length === 1 && (passes[0].times ?? 1) === 1;
}

/** One machine's part of a call: the number of the call, the spans of its units, and this machine's; null where it only joins them. */
interface Turn {
  readonly number: number;
  readonly spans: readonly Span[];
  readonly mine: Span | null | undefined;
}

/** Measures this machine's part of a text and ends with `Done`, or joins the parts; throws `Missing` where some are not there. */
async function joinParts<Own, K extends Types>(
  how: Over<Own, K>,
  place: Place<Own>,
  groups: readonly (readonly DropPlan[])[],
  { number, spans, mine }: Turn,
  options: RunOptions,
): Promise<void> {
  const plans = distinctOf(groups).map(({ plan }) => plan);
  const { requests, results } = await keptOver(how, place, allOf(place.text), plans, options);
  const lacking = plans.filter((_, i) => !results[i]);
  if (lacking.length === 0 || spans.length === 1 && mine) return;
  const { samplesOf } = batchesOf(place.text.sizes);
  if (mine !== null) {
    const { label: _, ...unnamed } = place;
    if (mine) await measured(how, unnamed, [lacking], options, samplesOf(mine));
    throw new Done();
  }
  const found = await Promise.all(
    spans.map((span) => keptOver(how, place, samplesOf(span), lacking, options)),
  );
  const missing = spans.filter((_, s) => found[s].results.includes(null));
  if (missing.length > 0) throw new Missing(number, missing);
  if (spans.length === 1) return;
  const { kind, from, join } = how.result;
  for (const [i, request] of requests.filter((_, i) => !results[i]).entries()) {
    await keep(kind, from(request, join!(found.map(({ results }) => results[i]!))), options);
  }
}
