/**
 * A layer that runs once more, with values in the place of its own.
 *
 * A given value is used unchanged, and the values that follow from it in the layer are computed again: after a given `a`, the MLP's
 * update and the stream. A run without changes therefore has the same graphs as ever, and a layer without given values runs once.
 */
import type { Held } from "../../engine/mod.ts";
import { INNER, type InnerName } from "../../models/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import { freeAll, take } from "../held.ts";
import type { Branch } from "../plan/trie.ts";
import type { LayerVariants } from "../plan/weights.ts";
import type { Change, Given } from "../probes/probe.ts";
import type { Run } from "../run.ts";
import type { Batch } from "../segments.ts";
import { attend } from "./attend.ts";
import { updated } from "./update.ts";

/** A layer's place in a run, and its inputs: the stream x, and attention's update where there is one. */
interface Entered {
  readonly l: number;
  readonly parts: LayerVariants;
  readonly way: Branch;
  readonly x: Held;
  readonly a: Held | null;
  readonly batch: Batch;
}

/** The stream that leaves a layer under changes. The stream without them, y, is freed by the caller. */
export async function changed(
  run: Run,
  entered: Entered,
  y: Held,
  changes: readonly Change[],
): Promise<Held> {
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
async function again(run: Run, { l, parts, way, x, a, batch }: Entered, given: Given): Promise<Held> {
  const { engine } = run;
  if (given.y) return engine.upload(given.y);
  const held: Held[] = [];
  const own = (value: Held): Held => {
    held.push(value);
    return value;
  };
  const nothing = { key: "nothing", spec: null, change: null };
  const sum = async (x: Held, more: Held) =>
    (await updated(run, l, undefined, { ...way, mlp: nothing }, x, more, batch)).y;

  async function attended(x: Held, inner: readonly InnerName[]): Promise<Held> {
    const { key, spec } = way.attention;
    const inside = Object.fromEntries(inner.map((name) => [name, own(engine.upload(given[name]!))]));
    const module = parts.attention.get(key)!.attention;
    return own((await attend(run, l, spec!, module, way.plans, x, batch, null, inside)).a);
  }

  try {
    const start = given.x ? own(engine.upload(given.x)) : x;
    const inner = INNER.filter((name) => given[name]);
    const isMoved = given.x !== undefined || inner.length > 0;
    const update = given.a ? own(engine.upload(given.a)) : a && isMoved ? await attended(start, inner) : a;
    if (!given.m) return (await updated(run, l, parts.mlp.get(way.mlp.key), way, start, update, batch)).y;
    const h = update ? own(await sum(start, update)) : start;
    return await sum(h, own(engine.upload(given.m)));
  } finally {
    freeAll(held);
  }
}
