/** What a study uses of the machine, and what is known of each such use before it runs. */
import { planHash } from "../measure/mod.ts";
import {
  type KeptKind,
  keptResult,
  type OfKind,
  originOf,
  type Provenance,
  type Summed,
  type Types,
} from "../result/mod.ts";
import type { DropPlan } from "../run/mod.ts";
import type { Outline, StudyModel } from "../subject/mod.ts";
import { flopsOf, type Need, type Pass } from "./estimate.ts";
import type { provenance, RunOptions } from "./options.ts";
import { type Measure, type Place, requestsOf, type Subject } from "./over.ts";
import type { Span } from "./stage.ts";
import type { Text } from "./text.ts";

/** A result over a text as a scope makes it: of some samples or, joined, of all. */
export type Over<Own, K extends Types> = Measure<Own, K> & { readonly result: Partial<Summed<K>> };

/** What a study uses of the machine. In a rehearsal, reading a value that nothing has measured ends it. */
export interface Scope {
  /** Where results are kept, the engine, the signal and who hears of the run. */
  readonly options: RunOptions;
  /** Reads a text; one that cannot be had is then an error before anything is computed. */
  read(text: Text): Promise<void>;
  /** The results of plans over a text, by group, each group one run. Machines share its batches of samples. */
  over<Own, K extends Types>(
    how: Over<Own, K>,
    place: Place<Own>,
    groups: readonly (readonly DropPlan[])[],
  ): Promise<K["result"][][]>;
  /** Work that keeps by itself what it makes, or nothing; one machine does it. Its options may be those of a look-up. */
  work<T>(
    model: Pick<Subject, "spec"> & Partial<Pick<Subject, "weights">>,
    passes: readonly Pass[],
    compute: (options: RunOptions) => Promise<T>,
  ): Promise<T>;
  /**
   * Items that do not wait for each other, each measured in a scope of its own. Machines share the items; `unit` is their plural. Of items
   * that are alike, one is rehearsed for all.
   */
  each<Item, T>(
    unit: string,
    items: readonly Item[],
    run: (scope: Scope, item: Item, index: number) => Promise<T>,
    how?: { readonly areAlike?: boolean },
  ): Promise<T[]>;
  /** The kept result that a request names, or the one that is made, and kept; a notice says what was reused unless `isTold` is false. */
  kept<K extends KeptKind>(
    kind: K,
    label: string,
    request: object & { readonly provenance: Provenance },
    make: () => Promise<Omit<OfKind<K>, "kind" | "version" | "method">>,
    isTold?: boolean,
  ): Promise<OfKind<K>>;
  /** What the numbers of a model over a text depend on. */
  origin(model: Parameters<typeof provenance>[0], text: Text, plan?: DropPlan): Promise<Provenance>;
  /** Tells callers something of the run; a rehearsal tells nothing. */
  tell(say: () => void): void;
  /** Opens a model that is measured; a rehearsal needs no weights. */
  open(model: Outline): Promise<StudyModel>;
  /** A value that decides what runs next; in a rehearsal where it is not known, one that is as likely and costs as much. */
  likely<T>(value: () => T, otherwise: () => T): T;
}

/** The passes of a model, and those that no earlier run has kept. */
interface Passes {
  readonly model: Pick<Subject, "spec"> & Partial<Pick<Subject, "weights">>;
  readonly passes: readonly Pass[];
  readonly lacking: readonly Pass[];
  readonly need: Need;
}

/** A call of `over`, `work` or `each`, as a rehearsal foresees it. */
export interface Call {
  /** The units that machines share, in the plural, and the floating-point operations of each. */
  readonly unit: string;
  readonly costs: readonly number[];
  /** Bytes that some units need. */
  bytes(span: Span): number;
  readonly runs: readonly Passes[];
  /** The plans that run, each once. */
  readonly plans: readonly (string | DropPlan)[];
  /** The rehearsals of the items of `each`. */
  readonly items: readonly Rehearsal[];
}

/** The calls of a function over a scope, and how many calls and kept results each kept result stands for. */
export interface Rehearsal {
  readonly calls: Call[];
  readonly keeps: { readonly calls: number; readonly keeps: number }[];
}

/** Floating-point operations of some calls: of all, or of those that no earlier run has kept. */
export function flopsIn(calls: readonly Pick<Call, "runs">[], which: "passes" | "lacking" = "passes") {
  let flops = 0;
  for (const { runs } of calls) for (const run of runs) flops += flopsOf(run.model, run[which]);
  return flops;
}

/** The largest need of some calls, so that the first one fails where a later one would; null without calls. */
export function needIn(calls: readonly Pick<Call, "runs">[]): Need | null {
  const needs = calls.flatMap(({ runs }) => runs.map(({ need }) => need));
  return needs.reduce<Need | null>((most, need) => most && most.bytes >= need.bytes ? most : need, null);
}

/** Plans that stand for others, each of which runs although its modules are another's. */
const standing = new WeakSet<DropPlan>();
/** A plan that stands for one that costs as much. */
export function standInFor<P extends DropPlan>(plan: P): P {
  const own = { ...plan };
  standing.add(own);
  return own;
}
export const isStandIn = (plan: object): plan is DropPlan => standing.has(plan as DropPlan);

/** Each plan once, with its group: in the first that has it. */
export function distinctOf(groups: readonly (readonly DropPlan[])[]) {
  const seen = new Set<string | DropPlan>();
  return groups.flatMap((plans, group) =>
    plans.map((plan) => ({ group, plan, key: isStandIn(plan) ? plan : planHash(plan) }))
  ).filter(({ key }) => seen.size < seen.add(key).size);
}

/** The results of plans over some samples that are kept, in the plans' order; null where there is none. */
export async function keptOver<Own, K extends Types>(
  how: Over<Own, K>,
  place: Place<Own>,
  span: Span,
  plans: readonly DropPlan[],
  options: RunOptions,
) {
  const requests = await requestsOf(how, place, span, plans, options);
  const { kind } = how.result;
  const find = (request: typeof requests[number]) => keptResult(kind, originOf(request, kind), options);
  return { requests, results: await Promise.all(requests.map(find)) as (K["result"] | null)[] };
}
