/**
 * Fits the sites of a repair, on the full model's stream, or in sequence on the repaired model's. There the target is the full model's
 * stream behind a module, less the repaired model's before it, so that a repair also makes up for the loss that reaches it.
 */
import type { Held } from "../../engine/mod.ts";
import { type Change, type DropPlan, everyChange, MODULES, noDrop, planOf } from "../../measure/mod.ts";
import type { LayerSpec } from "../../models/mod.ts";
import {
  difference,
  type Fit,
  freeAll,
  gatherApart,
  type GatherPlace,
  hadamard,
  keepTensors,
  merged,
  openProducts,
  openPrograms,
  openWalk,
  type Products,
  type Programs,
  readyProbe,
  RefusedRepair,
  ridge,
  segmentsOf,
  type Stream,
  type Walk,
} from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { engineOf, reporter, type StudyOptions } from "../base/options.ts";
import { changeOf, inputsOf, inputSpec, type Method } from "./methods.ts";
import { order, type Place, type Site } from "./site.ts";

/** What came of a site: tensors of its change, or for `gain` a number that divides all later updates. */
export interface Solved {
  readonly tensors: ReadonlyMap<string, Tensor> | null;
  readonly gain: number | null;
  /** ε of the ridge; null without one. */
  readonly strength: number | null;
  /** The share of the targets' mean square that is left on held-out tokens; null if it was not measured. */
  readonly left: number | null;
  /** Why nothing could be fitted there; absent where it could. */
  readonly refused?: string | undefined;
}

/** A repair to make. */
export interface Job {
  readonly model: StudyModel;
  readonly packed: Packed;
  /** What is to be repaired. */
  readonly plan: DropPlan;
  readonly method: Method;
  readonly sequential: boolean;
  readonly sites: readonly Site[];
  /** Samples at the end that choose the ridge. */
  readonly heldOut: number;
}

/** A plan with the sites that are solved so far: replaced modules, changed projections, scaled updates. */
export function planWith(
  { model, plan, method, sites, sequential }: Omit<Job, "packed" | "heldOut">,
  solved: readonly (Solved | null)[],
): DropPlan {
  const done = sites.map((site, i) => ({ site, solved: solved[i] ?? null }));
  const changes = done.flatMap(({ site, solved }) =>
    solved?.tensors ? [changeOf(site, method, hashOf(solved.tensors))] : []
  );
  const isReplaced = ({ to }: Change) => !method.absorbs || to === "window";
  const replaced = new Set(changes.filter(isReplaced).map(order));
  const rest = everyChange(plan).filter((change) => !replaced.has(order(change)));
  return planOf([...rest, ...changes, ...scaledBy(model.spec.layers, rest, done, sequential)]);
}

const hashes = new WeakMap<NonNullable<Solved["tensors"]>, string>();

/** The SHA-256 of tensors, which are kept for runs. */
function hashOf(tensors: NonNullable<Solved["tensors"]>): string {
  const hash = hashes.get(tensors) ?? keepTensors(tensors);
  hashes.set(tensors, hash);
  return hash;
}

/** Changes that divide each update by the gains before it: by their product, of which in sequence the last gain is the whole. */
function scaledBy(
  layers: readonly LayerSpec[],
  others: readonly Change[],
  done: readonly { readonly site: Site; readonly solved: Solved | null }[],
  sequential: boolean,
): Change[] {
  const taken = new Set(others.map(order));
  return layers.flatMap((spec, layer) =>
    MODULES.flatMap((module): Change[] => {
      const place = order({ layer, module });
      const gains = done.flatMap(({ site, solved }) =>
        solved?.gain && order(site) < place ? [solved.gain] : []
      );
      if (gains.length === 0 || !spec[module] || taken.has(place)) return [];
      const gain = sequential ? gains.at(-1)! : gains.reduce((product, own) => product * own, 1);
      return [{ layer, module, to: "weights", scale: 1 / gain }];
    })
  );
}

/** What a site is fitted from: the stream that enters its module, what it is to add, and the full model's stream behind it. */
interface Streams {
  readonly x: Stream;
  readonly t: Stream;
  readonly f: Stream;
}

/** The same of a site that is passed, while what the dropped modules behind it add is summed up. */
interface Pending {
  readonly x: Held[];
  readonly t: Held[];
  readonly f: Held[];
}

/**
 * Solves the sites that are not `known`, in order; `take` receives each as it is solved. One-shot, the sites may be those of several
 * plans, since none depends on another. A site whose numbers are not finite or whose inputs are singular says so in `refused`; in
 * sequence, those behind it are then left out.
 */
export async function solve(
  job: Job,
  known: readonly (Solved | null)[],
  take: (index: number, solved: Solved) => Promise<void>,
  options: StudyOptions,
): Promise<Solved[]> {
  const { model, packed: { blocks }, sites, sequential } = job;
  const { signal } = options;
  const found: (Solved | null)[] = sites.map((_, i) => known[i] ?? null);
  const solved = () => found.filter((solved) => solved !== null);
  if (!found.includes(null) || isBroken(job, found)) return solved();
  const engine = await engineOf(options);
  const programs = openPrograms(engine);
  const products = await openProducts(engine);
  try {
    const segments = segmentsOf(blocks);
    const walk = await openWalk({ model, engine, segments, signal, programs }, sequential ? 2 : 1);
    try {
      await walked({ ...job, walk, programs, products, engine }, found, take, options);
    } finally {
      walk.close();
    }
    return solved();
  } finally {
    await programs.release();
    await products.release();
  }
}

/** Whether a fit is refused that those behind it need. */
function isBroken({ sequential }: Job, found: readonly (Solved | null)[]): boolean {
  return sequential && found.some((solved) => solved?.refused !== undefined);
}

/** Passes the layers up to the last one that a site needs, and solves each site on the way. */
async function walked(
  context: Context,
  found: (Solved | null)[],
  take: (index: number, solved: Solved) => Promise<void>,
  options: StudyOptions,
): Promise<void> {
  const { sites, sequential, method, walk } = context;
  const pending = new Map<number, Pending>(); // by site, on the full model's stream
  const report = reporter("layers", "layers", options);
  try {
    const missing = sites.filter((_, i) => found[i] === null);
    const end = Math.max(...missing.map((site) => endOf(site, method, sequential)));
    for (let l = 0; l <= end; l++) {
      options.signal?.throwIfAborted();
      for (const module of MODULES) {
        for (const [i, site] of sites.entries()) {
          if (found[i]) continue;
          const own = await passed(context, i, site, { layer: l, module }, found, pending);
          if (!own) continue;
          found[i] = own;
          await take(i, own);
          if (isBroken(context, found)) return;
        }
      }
      if (l < end) await walk.pass(l, sequential ? [noDrop, planWith(context, found)] : [noDrop]);
      report(l + 1, end + 1);
    }
  } finally {
    pending.values().forEach(freePending);
  }
}

interface Context extends Job {
  readonly walk: Walk;
  readonly programs: Programs;
  readonly products: Products;
  readonly engine: Awaited<ReturnType<typeof engineOf>>;
}

function freePending({ x, t, f }: Pending): void {
  freeAll([...x, ...t, ...f]);
}

/** The last layer that a site needs. */
function endOf({ layer, of }: Site, { absorbs }: Method, sequential: boolean): number {
  return absorbs && !sequential ? of.at(-1)!.layer : layer;
}

const same = (a: Place, b: Place) => order(a) === order(b);

/** A site at a place of the walk: its solution, if the place is where it is solved. */
async function passed(
  context: Context,
  index: number,
  site: Site,
  at: Place,
  found: readonly (Solved | null)[],
  pending: Map<number, Pending>,
): Promise<Solved | null> {
  const { sequential, method } = context;
  const before = (x: Stream, s: Stream) => isBehindAll(site, method) ? s : x;
  if (sequential || site.window || !method.absorbs && site.of.length === 1) {
    if (!same(site, at)) return null;
    return await around(
      context,
      site,
      found,
      (x, f, s) => fitted(context, site, before(x, s), f, s),
      method.absorbs,
    );
  }
  if (same(method.absorbs ? site : site.of[0], at)) {
    await around(context, at, found, async (x, f, s) => {
      const own: Pending = { x: [], t: [], f: [] };
      pending.set(index, own);
      await copyTo(own.x, before(x, s), context);
      await copyTo(own.f, f, context);
    });
  }
  if (!site.of.some((place) => same(place, at))) return null;
  const own = pending.get(index)!;
  await around(context, at, found, async (_, f, s) => {
    for (const b of f.keys()) {
      own.t[b] = await difference(context.programs, f[b], s[b], own.t[b] ?? null);
    }
  });
  if (!same(site.of.at(-1)!, at)) return null;
  const solved = await solvedOr(context, site, own);
  freePending(own);
  pending.delete(index);
  return solved;
}

/** Whether a site acts on all that is before it: in parallel layers the module's own input lacks what attention adds. */
function isBehindAll({ of }: Site, { absorbs, gain }: Method): boolean {
  return !absorbs && (gain !== undefined || of.length > 1);
}

/**
 * The streams around a module by batch: x, which enters it; f, the full model's behind it; s, the one before it that is repaired. Where
 * the module `stays`, s is the stream behind it as it is; of attention with a window x is what enters its output projection.
 */
async function around<T>(
  context: Context,
  { layer, module, window }: Place & Partial<Site>,
  found: readonly (Solved | null)[],
  use: (x: Stream, f: Stream, s: Stream) => Promise<T>,
  stays = false,
): Promise<T> {
  const { walk, sequential, model: { spec } } = context;
  const from = sequential ? 1 : 0;
  const without = (plan: DropPlan, ...modules: Place["module"][]): DropPlan => {
    const kept = everyChange(plan).filter((change) =>
      !(change.layer === layer && modules.includes(change.module))
    );
    const dropped = modules.filter((module) => spec.layers[layer][module] !== null);
    return planOf([...kept, ...dropped.map((module): Change => ({ layer, module, to: "nothing" }))]);
  };
  const plan = sequential ? planWith(context, found) : planOf(window ? [window] : []);
  const later = module === "attention" ? ["mlp" as const] : [];
  const ways = [
    { plan: without(noDrop, ...later), from: 0 },
    { plan: without(plan, ...later, ...stays ? [] : [module]), from },
    { plan: without(plan, ...module === "mlp" ? ["mlp" as const] : MODULES), from },
  ];
  const isParallel = spec.layers[layer].residual === "parallel";
  if (window) {
    const ready = readyProbe(1);
    return await walk.through(layer, ways, async ([f, s]) => {
      const inputs = ready.tensors.map((tensor) => context.engine.upload(tensor));
      try {
        return await use(inputs, f, s);
      } finally {
        freeAll(inputs);
      }
    }, [ready]);
  }
  return await walk.through(layer, ways, ([f, s, before]) => {
    const x = module === "attention" || isParallel ? walk.streams[from] : before;
    return use(x, f, s);
  });
}

/** Adds copies of a stream, which outlive it. */
async function copyTo(own: Held[], stream: Stream, { programs }: Context): Promise<void> {
  for (const held of stream) own.push(await difference(programs, held, null));
}

async function fitted(context: Context, site: Site, x: Stream, f: Stream, s: Stream): Promise<Solved> {
  const t: Held[] = [];
  try {
    for (const b of f.keys()) t.push(await difference(context.programs, f[b], s[b]));
    return await solvedOr(context, site, { x, t, f });
  } finally {
    freeAll(t);
  }
}

/** The same as `solvedFrom`; a fit that is refused says why. */
async function solvedOr(context: Context, site: Site, streams: Streams): Promise<Solved> {
  try {
    return await solvedFrom(context, site, streams);
  } catch (error) {
    if (!(error instanceof RefusedRepair)) throw error;
    return { tensors: null, gain: null, strength: null, left: null, refused: error.message };
  }
}

/** Gathers the moments of all batches, and fits. Throws `RefusedRepair` where they do not suffice. */
async function solvedFrom(
  context: Context,
  site: Site,
  { x, t, f }: Streams,
): Promise<Solved> {
  const { model, method, walk, heldOut, packed: { blocks }, products } = context;
  const layer = model.spec.layers[site.layer];
  const place: GatherPlace = {
    layer: site.layer,
    module: site.module,
    spec: inputSpec(layer, site.module, method),
    input: site.window ? "given" : method.input,
    inputs: inputsOf(site, model.spec, method),
    weighting: method.weighting,
    ...method.magnitudes ? { magnitudes: { rotation: rotationOf(method, model.spec.hidden) } } : {},
  };
  const pairs = t.map((own, b) => ({ x: x[b], t: own, f: f[b] }));
  const { batches } = walk;
  const [training, held] = await gatherApart(
    context,
    place,
    { batches, pairs, samples: blocks.samples },
    heldOut,
  );
  if (method.gain) {
    const gain = expectGain(method.gain(merged(training, held)), site);
    return { tensors: null, gain, strength: null, left: null };
  }
  if (method.input === "none") {
    const all = merged(training, held);
    const mean = { weight: { rows: 0, columns: 0, data: new Float64Array(0) }, strength: 0, left: null };
    const bias = all.t.map((sum) => sum / all.weight);
    const tensors = await method.made!({ ...mean, bias }, { model, ...site, products });
    return { tensors, gain: null, strength: null, left: null };
  }
  const { strengths } = method;
  const options = { centred: method.centred(layer, site.module), ...strengths ? { strengths } : {} };
  const fit: Fit = await ridge(training, heldOut > 0 ? held : null, options, products);
  const tensors = await method.made!(fit, { model, ...site, products });
  return { tensors, gain: null, strength: fit.strength, left: fit.left };
}

function rotationOf({ magnitudes }: Method, hidden: number): Tensor | null {
  if (magnitudes !== "rotated") return null;
  return float32([hidden, hidden], Float32Array.from(hadamard(hidden).data));
}

/** Throws `RefusedRepair` for a gain that is not above 0. */
function expectGain(gain: number, { module, layer }: Site): number {
  if (gain > 0 && Number.isFinite(gain)) return gain;
  throw new RefusedRepair(
    `Cannot repair ${module} ${layer} by gain: it multiplies the stream by ${gain}, expected a number above 0`,
  );
}
