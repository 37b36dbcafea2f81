/**
 * Plans as a trie: plans that agree up to a visit share the stream that enters it, and a module runs once for all plans that have it
 * in the same variant and share its input.
 */
import { type DropPlan, type LayerModule, type Mix, mixOf, MODULES } from "../../measure/mod.ts";
import type { LayerSpec, Model, ModelSpec } from "../../models/mod.ts";
import { isRun, type Variant, variantModel, variantOf } from "./variants.ts";
import type { Engine } from "../../engine/mod.ts";
import type { NormalDraw } from "../../kernels/mod.ts";
import { type LayerParts, layerParts } from "../weights/parts.ts";
import { routeIn } from "./path.ts";

/** Plans that take the same path through one layer. */
export interface Branch {
  readonly plans: readonly number[];
  readonly attention: Variant<"attention">;
  readonly mlp: Variant<"mlp">;
}

/** How the plans that share a state part at layer l, in a visit of each. */
export function branches(
  plans: readonly DropPlan[],
  members: readonly number[],
  layer: LayerSpec,
  l: number,
  visits: readonly number[] = [],
): Branch[] {
  const ways = new Map<string, Branch & { plans: number[] }>();
  for (const [i, index] of members.entries()) {
    const attention = variantOf(plans[index], layer, l, "attention", visits[i]);
    const mlp = variantOf(plans[index], layer, l, "mlp", visits[i]);
    const key = `${attention.key} ${mlp.key}`;
    const way = ways.get(key);
    if (way) way.plans.push(index);
    else ways.set(key, { plans: [index], attention, mlp });
  }
  return [...ways.values()];
}

/** The variants of one module that some branches have, each once, without those that are nothing. */
export function variantsIn<Module extends LayerModule>(
  ways: readonly Branch[],
  module: Module,
): Branch[Module][] {
  const own = ways.map((way) => way[module]).filter(({ spec }) => spec !== null);
  return [...new Map(own.map((variant) => [variant.key, variant])).values()];
}

/** A layer that runs, and the streams that enter it. */
export interface Stop {
  readonly l: number;
  readonly groups: readonly {
    /** A sum of the streams of the schedule: 0 enters the model, the others leave the ways of stops, in their order. */
    readonly from: Mix;
    /** Those on which a module runs. */
    readonly ways: readonly Branch[];
  }[];
}

/** The stops of some plans in the order in which they run, and the stream that leaves each plan. */
export interface Schedule {
  readonly stops: readonly Stop[];
  readonly ends: readonly Mix[];
}

/**
 * The layers in rounds from the first to the last, each for all plans that visit it next: plans without a path take one round, and a
 * layer that some plans repeat is read once more for all of them.
 */
export function scheduleOf(spec: Pick<ModelSpec, "layers" | "joins">, plans: readonly DropPlan[]): Schedule {
  const routes = plans.map((plan) => routeIn(spec, plan));
  const streams: Mix[][] = plans.map(() => [[[0, 1]]]); // by plan: its own streams as sums of the schedule's
  const stops: Stop[] = [];
  let count = 1;
  const own = (plan: number, mix: Mix) =>
    mixOf(mix.map(([stream, weight]) => [weight, streams[plan][stream]]));
  const next = (plan: number) => routes[plan].visits.at(streams[plan].length - 1);
  const isLeft = () => plans.some((_, plan) => next(plan));
  const plansAt = (l: number) => [...plans.keys()].filter((plan) => next(plan)?.layer === l);

  function stop(l: number, members: readonly number[]): void {
    const entering = new Map(members.map((plan) => [plan, own(plan, next(plan)!.from)]));
    const groups = [...Map.groupBy(members, (plan) => JSON.stringify(entering.get(plan))).values()].map(
      (alike) => {
        const from = entering.get(alike[0])!;
        const visits = alike.map((plan) => next(plan)!.visit);
        const parted = branches(plans, alike, spec.layers[l], l, visits);
        const ways = parted.filter(({ attention, mlp }) => attention.spec ?? mlp.spec);
        for (const way of parted) {
          const to: Mix = ways.includes(way) ? [[count++, 1]] : from;
          for (const plan of way.plans) streams[plan].push(to);
        }
        return { from, ways };
      },
    ).filter(({ ways }) => ways.length > 0);
    if (groups.length > 0) stops.push({ l, groups });
  }

  while (isLeft()) {
    for (const l of spec.layers.keys()) {
      for (let members = plansAt(l); members.length > 0; members = plansAt(l)) stop(l, members);
    }
  }
  return { stops, ends: plans.map((_, plan) => own(plan, routes[plan].end)) };
}

/** The last stop that reads each stream of a schedule; infinite for what leaves a plan. */
export function lastReads({ stops, ends }: Schedule): Map<number, number> {
  const reads = stops.flatMap(({ groups }, i) =>
    groups.flatMap(({ from }) => from.map(([stream]) => [stream, i] as const))
  );
  return new Map([...reads, ...ends.flat().map(([stream]) => [stream, Infinity] as const)]);
}

/** The most streams that exist together behind a stop. */
export function widestOf(schedule: Schedule): number {
  const last = lastReads(schedule);
  let [count, widest] = [1, 1];
  for (const [i, { groups }] of schedule.stops.entries()) {
    for (const { ways } of groups) count += ways.length;
    const alive = [...last].filter(([stream, at]) => stream < count && at > i).length;
    widest = Math.max(widest, alive);
  }
  return widest;
}

/** The modules that run for the plans of one state: each variant of attention once, an MLP for each branch. */
export function modulesIn(ways: readonly Branch[]) {
  return {
    attention: variantsIn(ways, "attention").map(({ spec }) => spec).filter(isRun),
    mlp: ways.map(({ mlp }) => mlp.spec).filter(isRun),
  };
}

/** Modules that a run executes (for each sample): the nodes of the trie. */
export function countModules({ stops }: Schedule): number {
  return stops.flatMap(({ groups }) => groups).reduce((sum, { ways }) => {
    const { attention, mlp } = modulesIn(ways);
    return sum + attention.length + mlp.length;
  }, 0);
}

/** A layer, ready to be fed: the parts of each module by the key of its variant. */
export interface LayerVariants extends Readonly<Record<LayerModule, ReadonlyMap<string, LayerParts>>> {
  release(): void;
}

/**
 * Reads layer l in every variant that some plan needs; a layer that no plan changes is read once for both modules. With
 * `wholeAttention` attention is in one part.
 */
export async function layerVariants(
  model: Model,
  engine: Engine,
  draw: NormalDraw,
  plans: readonly DropPlan[],
  l: number,
  wholeAttention: boolean,
): Promise<LayerVariants> {
  const visits = plans.flatMap((plan, index) =>
    routeIn(model.spec, plan).visits.flatMap(({ layer, visit }) => layer === l ? [{ index, visit }] : [])
  );
  const members = visits.map(({ index }) => index);
  const ways = branches(plans, members, model.spec.layers[l], l, visits.map(({ visit }) => visit));
  const opened: LayerParts[] = [];
  const release = () => opened.forEach((parts) => parts.release());
  const open = async (model: Model) => {
    const parts = await layerParts(model, engine, draw, l, wholeAttention);
    opened.push(parts);
    return parts;
  };
  try {
    const full = MODULES.some((module) => variantsIn(ways, module).some(({ change }) => !change))
      ? await open(model)
      : null;
    const variants = async (module: LayerModule) => {
      const own = new Map<string, LayerParts>();
      for (const variant of variantsIn(ways, module)) {
        own.set(variant.key, variant.change ? await open(variantModel(model, l, module, variant)) : full!);
      }
      return own;
    };
    return { attention: await variants("attention"), mlp: await variants("mlp"), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Layers' weights by `read`, one layer of them ahead. */
export function readingAhead<Weights extends { release(): void }>(read: (l: number) => Promise<Weights>) {
  let ahead: { readonly l: number; readonly parts: Promise<Weights> } | null = null;

  /** Releases a layer that has been read and not taken. */
  async function forget(): Promise<void> {
    const parts = ahead?.parts.catch(() => null); // an error fails the layer that needs the weights
    ahead = null;
    (await parts)?.release();
  }

  return {
    /** Returns a layer's weights. The caller releases them. */
    async take(l: number): Promise<Weights> {
      if (ahead?.l !== l) {
        await forget();
        return await read(l);
      }
      const { parts } = ahead;
      ahead = null;
      return await parts;
    },
    /** Starts reading a layer once the running work has been handed to the engine. */
    readAhead(l: number): void {
      const parts = new Promise<void>((start) => setTimeout(start)).then(() => read(l));
      parts.catch(() => {}); // the taker gets the error
      ahead = { l, parts };
    },
    forget,
  };
}
