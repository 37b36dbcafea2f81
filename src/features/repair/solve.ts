/**
 * Solves the sites of a repair. One-shot fits use the full model's stream, sequential fits the repaired model's. There the target is
 * the full model's stream behind a module, less the repaired model's before it, so that a repair also makes up for the loss that
 * reaches it.
 */
import type { Held } from "core/engine/mod.ts";
import { type Change, type DropPlan, everyChange, MODULES, noDrop, planOf } from "core/measure/mod.ts";
import { freeAll } from "core/run/mod.ts";
import { difference, type Stream } from "core/run/repair/mod.ts";
import { reporter, type StudyOptions } from "core/study/options.ts";
import { type Context, type Job, planWith, type Solved, solvedOr, type Streams, withWalk } from "./job.ts";
import { order, type Place, type Site } from "./methods.ts";

/** The same of a site that is passed, while what the dropped modules behind it add is summed up. */
type Pending = Record<keyof Streams, Held[]>;

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
  const found: (Solved | null)[] = sites.map((_, i) => known[i] ?? null);
  const solved = () => found.filter((solved) => solved !== null);
  if (!found.includes(null) || isBroken(job, found)) return solved();
  await withWalk(model, blocks, sequential ? 2 : 1, options, async (walking) => {
    await walked({ ...job, ...walking }, found, take, options);
  });
  return solved();
}

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
    const endOf = ({ layer, of }: Site) => method.absorbs && !sequential ? of.at(-1)!.layer : layer;
    const end = Math.max(...missing.map(endOf));
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

function freePending({ x, t, f }: Pending): void {
  freeAll([...x, ...t, ...f]);
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
  if (sequential || !method.absorbs) {
    if (!same(site, at)) return null;
    return await around(context, site, found, (x, f, s) => fitted(context, site, x, f, s), method.absorbs);
  }
  if (same(site, at)) {
    await around(context, at, found, async (x, f) => {
      const own: Pending = { x: [], t: [], f: [] };
      pending.set(index, own);
      await copyTo(own.x, x, context);
      await copyTo(own.f, f, context);
    });
  }
  if (!site.of.some((place) => same(place, at))) return null;
  const own = pending.get(index)!;
  await around(context, at, found, async (_, f, s) => {
    for (const b of f.keys()) own.t[b] = await difference(context.programs, f[b], s[b], own.t[b] ?? null);
  });
  if (!same(site.of.at(-1)!, at)) return null;
  const solved = await solvedOr(context, site, own);
  freePending(own);
  pending.delete(index);
  return solved;
}

/**
 * The streams around a module by batch: x, which enters it; f, the full model's behind it; s, the one before it that is repaired. Where
 * the module `stays`, s is the stream behind it as it is.
 */
async function around<T>(
  context: Context,
  { layer, module }: Place,
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
  const plan = sequential ? planWith(context, found) : noDrop;
  const later = module === "attention" ? ["mlp" as const] : [];
  const ways = [
    { plan: without(noDrop, ...later), from: 0 },
    { plan: without(plan, ...later, ...stays ? [] : [module]), from },
    { plan: without(plan, ...module === "mlp" ? ["mlp" as const] : MODULES), from },
  ];
  const isParallel = spec.layers[layer].residual === "parallel";
  return await walk.through(layer, ways, ([f, s, before]) => {
    const x = module === "attention" || isParallel ? walk.streams[from] : before;
    return use(x, f, s);
  });
}

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
