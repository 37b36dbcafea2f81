/** One run of what ends a layer: its MLP, a mixture of experts too, and the sum that leaves it. */
import { freed } from "../../entry/mod.ts";
import type { Feeds, Held } from "../../engine/mod.ts";
import {
  type FeedSpec,
  INNER,
  type InnerName,
  type LayerSpec,
  mlpPartGraph,
  updateGraph,
  type UpdateTaps,
} from "../../models/mod.ts";
import { Add, type Value } from "../../onnx/mod.ts";
import { take, withRead } from "../held.ts";
import { type Mixed, type RouterTap, runMixture } from "./mixture.ts";
import {
  type Compiled,
  extentOf,
  forKernels,
  lookingAt,
  namesOf,
  type Run,
  runModule,
  split,
  whereOf,
  withObserved,
} from "./module.ts";
import type { Branch, LayerVariants } from "../plan/trie.ts";
import { isRun } from "../plan/variants.ts";
import type { Part } from "../weights/part.ts";
import { withoutWeights } from "../weights/parts.ts";
import type { Change, Given, Present } from "../probes/probe.ts";
import type { Batch } from "../segments.ts";
import { float32 } from "../../tensor/mod.ts";
import { attend } from "./attend.ts";

/** A layer's place in a run, and its inputs: the stream x, and attention's update where there is one. */
interface Entered {
  readonly l: number;
  readonly parts: LayerVariants;
  readonly way: Branch;
  readonly x: Held;
  readonly a: Held | null;
  readonly batch: Batch;
}

/** The stream that leaves a layer on one way, with what observers change; the caller frees it. */
export async function left(run: Run, entered: Entered): Promise<Held> {
  const { y, changes } = await updated(run, entered);
  if (changes.length === 0) return y;
  using _unchanged = freed(y);
  return await changed(run, entered, y, changes);
}

/** A stream after a layer, which the caller frees, and the changes that observers make to the layer's values. */
type Updated = { readonly y: Held; readonly changes: readonly Change[] };

/** A stream after a layer, of x and what attention adds to it. */
async function updated(run: Run, entered: Entered): Promise<Updated> {
  const { l, parts, way, x, a, batch } = entered;
  const { mlp, mixture } = parts.mlp.get(way.mlp.key) ?? { mlp: [withoutWeights], mixture: null };
  if (!mixture) return await update(run, entered, mlp);
  const { engine } = run;
  const observers = lookingAt(run, way.plans).filter((probe) => probe.router);
  const tap: RouterTap | null = observers.length === 0 ? null : {
    key: namesOf(run, observers),
    tap: (taps) => Object.assign({}, ...observers.map((probe) => probe.router!(taps))),
  };
  const streams: Readonly<Record<string, Held>> = a ? { x, a } : { x };
  const mixed = await runMixture(whereOf(run, l, "mlp"), mixture.after.spec, mixture, streams, tap);
  using _sum = freed(mixed.sum);
  const present = { attention: a !== null, mlp: true };
  await withRead(engine, mixed.outputs, async (outputs) => {
    const seen = { layer: l, plans: way.plans, present, ...batch, outputs, chosen: mixed.chosen };
    for (const probe of observers) await probe.observeRouter?.(seen);
  });
  return await update(run, entered, [mixture.after], mixed);
}

async function update(
  run: Run,
  { l, way, x, a, batch }: Entered,
  parts: readonly Part<FeedSpec | null>[],
  mixed: Mixed | null = null,
): Promise<Updated> {
  const { engine } = run;
  const { hidden, layers } = run.model.spec;
  const lowering = engine.has;
  const layer: LayerSpec = {
    ...layers[l],
    attention: way.attention.spec ?? layers[l].attention,
    mlp: way.mlp.spec ?? layers[l].mlp,
  };
  const { residual } = layer;
  const extent = extentOf(run, batch);
  const present: Present = { attention: a !== null, mlp: way.mlp.spec !== null };
  const observers = lookingAt(run, way.plans);
  const { tapping, launching } = split(engine, observers, "update");
  const compiled: Compiled<FeedSpec | null> = (programs, mlp, stored, onto, last) => {
    const taps = last ? namesOf(run, observers) : null;
    return programs.get(["update", residual, mlp, present, extent, [...stored], onto, taps], () => {
      const afterAttention = a !== null && residual === "sequential";
      if (!last) return mlpPartGraph(mlp!, hidden, extent, afterAttention, { onto, stored, lowering });
      const tap = (values: UpdateTaps) => {
        const own = tapping.map((probe) => probe.update?.(values, layer, hidden, extent));
        return Object.assign({}, ...own, launching.length > 0 ? forKernels(heldTaps(values)) : {});
      };
      return updateGraph({ ...layer, mlp }, hidden, extent, present, { tap, onto, stored, lowering });
    });
  };
  const { y, ...outputs } = await runModule(
    { ...whereOf(run, l, present.mlp ? "mlp" : "attention"), before: mixed?.by },
    parts,
    compiled,
    { x, ...a ? { a } : {}, ...mixed ? { sum: mixed.sum } : {} },
    "m",
  );
  try {
    const seen = { layer: l, plans: way.plans, present, ...batch };
    const launches = ({ m, h = a ? y : x }: Feeds) =>
      launching.map(({ update }) => () => update!(engine, { x, a, h, m: m ?? null, y }, layer, extent));
    const changes: Change[] = [];
    await withObserved(engine, outputs, launches, async (outputs) => {
      for (const probe of observers) {
        changes.push(...await probe.observeUpdate?.({ ...seen, y, outputs }) ?? []);
      }
    });
    if (isRun(way.mlp.spec)) run.step();
    return { y, changes };
  } catch (error) {
    y.free();
    throw error;
  }
}

/** What kernels need of a layer that its graph alone has: m, and x + a where that does not leave the layer. */
function heldTaps({ x, a, m }: UpdateTaps): Record<string, Value> {
  return m ? { m, ...a ? { h: Add(x, a) } : {} } : {};
}

/**
 * The stream that leaves a layer under changes; the caller frees the stream without them, y. A given value is used unchanged, and the
 * values that follow from it in the layer are computed again: after a given `a`, the MLP's update and the stream. A run without
 * changes therefore has the same graphs as ever.
 */
async function changed(run: Run, entered: Entered, y: Held, changes: readonly Change[]): Promise<Held> {
  const { batch: { count } } = entered;
  const quiet = { ...run, probes: [], step: () => run.signal?.throwIfAborted() };
  const [first] = changes;
  if (changes.length === 1 && first.samples.length === count) {
    return await again(quiet, entered, first.values);
  }
  const { engine } = run;
  const rows = (await engine.read(y)).data.slice() as Float32Array<ArrayBuffer>;
  const size = rows.length / count;
  for (const { samples, values } of changes) {
    const own = (await take(engine, await again(quiet, entered, values))).data as Float32Array;
    for (const i of samples) rows.set(own.subarray(i * size, (i + 1) * size), i * size);
  }
  return engine.upload(float32(y.shape, rows));
}

/** The stream that leaves a layer with values in the place of its own. */
async function again(run: Run, entered: Entered, given: Given): Promise<Held> {
  const { l, parts, way, x, a, batch } = entered;
  const { engine } = run;
  if (given.y) return engine.upload(given.y);
  using held = new DisposableStack();
  const own = (value: Held): Held => held.use(freed(value));
  const nothing = { key: "nothing", spec: null, change: null };
  const sum = async (x: Held, more: Held) =>
    (await updated(run, { ...entered, way: { ...way, mlp: nothing }, x, a: more })).y;

  async function attended(x: Held, inner: readonly InnerName[]): Promise<Held> {
    const { key, spec } = way.attention;
    const inside = Object.fromEntries(inner.map((name) => [name, own(engine.upload(given[name]!))]));
    const module = parts.attention.get(key)!.attention;
    return own((await attend(run, l, spec!, module, way.plans, x, batch, null, inside)).a);
  }

  const start = given.x ? own(engine.upload(given.x)) : x;
  const inner = INNER.filter((name) => given[name]);
  const isMoved = given.x !== undefined || inner.length > 0;
  const update = given.a ? own(engine.upload(given.a)) : a && isMoved ? await attended(start, inner) : a;
  if (!given.m) return (await updated(run, { ...entered, x: start, a: update })).y;
  const h = update ? own(await sum(start, update)) : start;
  return await sum(h, own(engine.upload(given.m)));
}
