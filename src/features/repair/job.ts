/** A repair to make, the fit of each site, and the plan that follows. */
import { type DropPlan, everyChange, planOf } from "core/measure/mod.ts";
import { type Blocks, keepTensors, openPrograms, type Programs, segmentsOf } from "core/run/mod.ts";
import {
  gatherApart,
  openProducts,
  openWalk,
  type Products,
  RefusedRepair,
  ridge,
  type Stream,
  type Walk,
} from "core/run/repair/mod.ts";
import type { Packed, StudyModel } from "core/subject/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";
import { changeOf, inputsOf, inputSpec, type Method, order, type Site, vector } from "./methods.ts";
import { released } from "core/entry/mod.ts";
import type { Model } from "core/models/mod.ts";
import { engineOf, type StudyOptions } from "core/study/options.ts";
import type { Engine } from "core/engine/mod.ts";

/** What came of a site. */
export interface Solved {
  /** Tensors of its change; null where none could be fitted. */
  readonly tensors: ReadonlyMap<string, Tensor> | null;
  /** ε of the ridge; null without one. */
  readonly strength: number | null;
  /** The share of the targets' mean square that is left on held-out tokens; null if it was not measured. */
  readonly left: number | null;
  /** Why nothing could be fitted there; absent where it could. */
  readonly refused?: string | undefined;
}

export interface Job {
  readonly model: StudyModel;
  readonly packed: Packed;
  /** What is to be repaired. */
  readonly plan: DropPlan;
  readonly method: Method;
  readonly sequential: boolean;
  readonly sites: readonly Site[];
  /** Samples before those held out that choose the ridge, and are fitted too once it is chosen. */
  readonly choosing: number;
  /** Samples at the end that neither fit nor choose: they measure the repair. */
  readonly heldOut: number;
}

/** A plan with the sites that are solved so far: replaced modules, changed projections. */
export function planWith(
  { plan, method, sites }: Pick<Job, "plan" | "method" | "sites">,
  solved: readonly (Solved | null)[],
): DropPlan {
  const changes = sites.flatMap((site, i) => {
    const { tensors } = solved[i] ?? {};
    return tensors ? [changeOf(site, method, hashOf(tensors))] : [];
  });
  const replaced = new Set(method.absorbs ? [] : changes.map(order));
  const rest = everyChange(plan).filter((change) => !replaced.has(order(change)));
  return planOf([...rest, ...changes]);
}

const hashes = new WeakMap<NonNullable<Solved["tensors"]>, string>();

function hashOf(tensors: NonNullable<Solved["tensors"]>): string {
  const hash = hashes.get(tensors) ?? keepTensors(tensors);
  hashes.set(tensors, hash);
  return hash;
}

/** What a site is fitted from: the stream that enters its module, what it is to add, and the full model's stream behind it. */
export type Streams = Readonly<Record<"x" | "t" | "f", Stream>>;

/** A repair under way: its streams, and what computes. */
export type Context = Job & Walking;

/** The same as `solvedFrom`; a fit that is refused says why. */
export async function solvedOr(context: Context, site: Site, streams: Streams): Promise<Solved> {
  try {
    return await solvedFrom(context, site, streams);
  } catch (error) {
    if (!(error instanceof RefusedRepair)) throw error;
    return { tensors: null, strength: null, left: null, refused: error.message };
  }
}

/** Gathers the moments of all batches, and fits. Throws `RefusedRepair` where they do not suffice. */
async function solvedFrom(context: Context, site: Site, { x, t, f }: Streams): Promise<Solved> {
  const { model, method, walk, choosing, heldOut, packed: { blocks }, products } = context;
  const layer = model.spec.layers[site.layer];
  const place = {
    layer: site.layer,
    module: site.module,
    spec: inputSpec(layer, site.module, method),
    inputs: inputsOf(site, model.spec, method),
  };
  const pairs = t.map((own, b) => ({ x: x[b], t: own, f: f[b] }));
  const gathered = <const Parts extends readonly number[]>(...parts: Parts) =>
    gatherApart(context, place, { batches: walk.batches, pairs }, parts);
  const samples = blocks.samples - heldOut;
  if (!method.fit) {
    const [all] = await gathered(samples);
    const mean = vector(all.t.map((sum) => sum / all.weight));
    return { tensors: new Map([["mean", mean]]), strength: null, left: null };
  }
  const [fitting, chosen, held] = await gathered(samples - choosing, choosing, heldOut);
  const sums = { fitting, choosing: choosing > 0 ? chosen : null, heldOut: heldOut > 0 ? held : null };
  const fit = await ridge(sums, method.fit.centred(layer, site.module), products);
  return { tensors: await method.fit.made(fit, { model, ...site }), strength: fit.strength, left: fit.left };
}

interface Walking {
  readonly walk: Walk;
  readonly programs: Programs;
  readonly products: Products;
  readonly engine: Engine;
}

/** Samples that a fit is measured on, and of the others those that choose its ridge: the last quarter, or one of two or three; none of a single sample. */
export const heldOutOf = (samples: number): number => Math.floor(samples / 4) || Number(samples > 1);

/** Opens `count` streams of a text for as long as `use` runs. */
export async function withWalk<T>(
  model: Model,
  blocks: Blocks,
  count: number,
  options: Pick<StudyOptions, "engine" | "precision" | "signal">,
  use: (walking: Walking) => Promise<T>,
): Promise<T> {
  const engine = await engineOf(options);
  await using products = released(await openProducts(engine));
  await using programs = released(openPrograms(engine));
  const { signal } = options;
  const walk = await openWalk({ model, engine, segments: segmentsOf(blocks), signal, programs }, count);
  try {
    return await use({ walk, programs, products, engine });
  } finally {
    walk.close();
  }
}
