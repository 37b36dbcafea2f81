/** One run of what ends a layer: its MLP, a mixture of experts too, and the sum that leaves it. */
import type { Feeds, Held } from "../../engine/mod.ts";
import {
  type FeedSpec,
  type LayerSpec,
  mlpPartGraph,
  updateGraph,
  type UpdateTaps,
} from "../../models/mod.ts";
import { Add, type Value } from "../../onnx/mod.ts";
import { withRead } from "../held.ts";
import { type Mixed, type RouterTap, runMixture } from "./mixture.ts";
import { type Compiled, runModule } from "./module.ts";
import { forKernels, split, withObserved } from "./observe.ts";
import type { Branch } from "../plan/trie.ts";
import { isRun } from "../plan/variants.ts";
import type { Part } from "../weights/part.ts";
import { type LayerParts, withoutWeights } from "../weights/parts.ts";
import type { Change, Present } from "../probes/probe.ts";
import { extentOf, lookingAt, namesOf, type Run, whereOf } from "../run.ts";
import type { Batch } from "../segments.ts";

/** A stream after a layer, which the caller frees, and the changes that observers make to the layer's values. */
interface Updated {
  readonly y: Held;
  readonly changes: readonly Change[];
}

/** A stream after a layer, of x and what attention adds to it. */
export async function updated(
  run: Run,
  l: number,
  parts: LayerParts | undefined,
  way: Branch,
  x: Held,
  a: Held | null,
  batch: Batch,
): Promise<Updated> {
  if (!parts) return await update(run, l, [withoutWeights], way, x, a, batch, null);
  const { mlp, mixture } = parts;
  if (!mixture) return await update(run, l, mlp, way, x, a, batch, null);
  const { engine } = run;
  const observers = lookingAt(run, way.plans).filter((probe) => probe.router);
  const tap: RouterTap | null = observers.length === 0 ? null : {
    key: namesOf(run, observers),
    tap: (taps) => Object.assign({}, ...observers.map((probe) => probe.router!(taps))),
  };
  const streams: Readonly<Record<string, Held>> = a ? { x, a } : { x };
  const mixed = await runMixture(
    whereOf(run, l, "mlp"),
    mixture.after.spec,
    mixture,
    streams,
    tap,
  );
  try {
    const present = { attention: a !== null, mlp: true };
    await withRead(engine, mixed.outputs, async (outputs) => {
      const seen = { layer: l, plans: way.plans, present, ...batch, outputs, chosen: mixed.chosen };
      for (const probe of observers) await probe.observeRouter?.(seen);
    });
    return await update(run, l, [mixture.after], way, x, a, batch, mixed);
  } finally {
    mixed.sum.free();
  }
}

async function update(
  run: Run,
  l: number,
  parts: readonly Part<FeedSpec | null>[],
  way: Branch,
  x: Held,
  a: Held | null,
  batch: Batch,
  mixed: Mixed | null,
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
      if (!last) {
        return mlpPartGraph(mlp!, hidden, extent, afterAttention, { onto, stored, lowering });
      }
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
