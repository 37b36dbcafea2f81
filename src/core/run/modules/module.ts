/** A module run part by part, its numbers checked while its weights are at hand. */
import { released } from "../../entry/mod.ts";
import type { Engine, Feeds, Held, Program } from "../../engine/mod.ts";
import type { Extent, Model, StoredTypes } from "../../models/mod.ts";
import { areFinite, type Culprit, culpritAmong, notFinite, type Place, takeSquares } from "../finite.ts";
import { freeAll, withRead } from "../held.ts";
import type { Programs } from "../programs.ts";
import { fedTo, type Part, storedTypes } from "../weights/part.ts";
import type { LayerModule } from "../../measure/mod.ts";
import type { Probe, ProbeKernels } from "../probes/probe.ts";
import { areTexts, type Batch, type Segment } from "../segments.ts";
import type { Sights } from "./sights.ts";
import type { Value } from "../../onnx/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";

/** A part's program: how its weights are stored, whether it goes on from another part, and whether it is the last. */
export type Compiled<Spec> = (
  programs: Programs,
  spec: Spec,
  stored: StoredTypes,
  onto: boolean,
  last: boolean,
) => Promise<Program>;

export interface Where {
  readonly model: Model;
  readonly engine: Engine;
  readonly place: Place & object;
  /** Programs that are fed their weights. */
  readonly programs: Programs;
  readonly signal: AbortSignal | undefined;
  /** What made the numbers that it begins with, unchecked. */
  readonly before?: readonly Part<unknown>[] | undefined;
}

/**
 * Runs a module part by part; gives what the last part gives. `name` is the output that the next part goes on from; where the parts
 * add to a `sum` of others, it is written into its memory. Throws `RangeError` for a part whose numbers are not finite, where its graph
 * watches them.
 */
export async function runModule<Spec>(
  where: Where,
  parts: readonly Part<Spec>[],
  compiled: Compiled<Spec>,
  feeds: Feeds,
  name: string,
  sum: Held | null = null,
): Promise<Record<string, Held>> {
  const { engine, programs, signal, before: earlier = [] } = where;
  let outputs: Record<string, Held> = {};
  for (const [i, part] of parts.entries()) {
    const before: Held | undefined = sum ?? outputs[name];
    try {
      outputs = await part.use(async (weights, own) => {
        const last = i === parts.length - 1;
        const from = own ?? programs;
        const program = await compiled(from, part.spec, storedTypes(weights), i > 0, last);
        const all = { ...fedTo(from, weights), ...feeds, ...before ? { sum: before } : {} };
        const into = sum ? { [name]: sum } : undefined;
        const { squares, ...given } = await program.run(all, { signal, into });
        if (!squares || areFinite(await takeSquares(engine, squares))) return given;
        freeAll(given);
        throw await blamed(where, [...earlier, part]);
      });
    } finally {
      if (!sum) before?.free();
    }
  }
  return outputs;
}

async function blamed({ model, engine, place }: Where, parts: readonly Part<unknown>[]): Promise<RangeError> {
  let culprit: Culprit | null = null;
  for (const { use, nameOf = (fed: string) => fed } of parts) {
    culprit = await use(async (weights): Promise<Culprit | null> => {
      const named = Object.entries(weights).map(([fed, held]) => [nameOf(fed), held] as const)
        .filter(([weight]) => weight.startsWith(`${place.module}.`));
      const blocks = named.flatMap(([weight]) =>
        weight.endsWith(".quants") ? [weight.slice(0, -".quants".length)] : []
      );
      const dense = named.filter(([weight]) => !blocks.some((block) => weight.startsWith(`${block}.`)));
      const read = dense.map(async ([weight, held]) => [weight, await engine.read(held)] as const);
      const found = culpritAmong(await Promise.all(read), culprit);
      if (blocks.length === 0) return found;
      await using lease = released(
        await model.weights.part(place.layer, new Map(blocks.map((block) => [block, null]))),
      );
      return culpritAmong(lease.tensors, found);
    });
  }
  return notFinite(model, place, culprit);
}

export interface Run {
  readonly model: Model;
  readonly engine: Engine;
  readonly segments: readonly Segment[];
  /** Indices of the segments that others continue. */
  readonly continued: ReadonlySet<number | null>;
  readonly probes: readonly Probe[];
  readonly signal: AbortSignal | undefined;
  readonly programs: Programs;
  readonly sights: Sights;
  /** A module has been run. Throws where the run is to end. */
  step(): void;
}

/** The probes that look at a run of these plans. */
export function lookingAt({ probes }: Run, members: readonly number[]): Probe[] {
  return probes.filter((probe) => !probe.only || probe.only.some((plan) => members.includes(plan)));
}

/** What tells the same probes in a graph's key. */
export function namesOf({ probes }: Run, some: readonly Probe[]): number[] {
  return some.map((probe) => probes.indexOf(probe));
}

/** A graph for some whole texts is made for their number and length; one for segments takes any length. */
export function extentOf({ segments }: Run, batch: Batch): Extent {
  return { samples: batch.count, length: areTexts(segments, batch) ? batch.length : -1 };
}

export function whereOf({ model, engine, programs, signal }: Run, layer: number, module: LayerModule): Where {
  return { model, engine, programs, signal, place: { layer, module } };
}

/** Outputs of this prefix are for kernels and are not read. */
const PREFIX = "kernel.";

/** The probes that add outputs to the graph of a module, and the kernels of those that have some and an engine that runs them. */
export function split(
  { access }: Engine,
  probes: readonly Probe[],
  module: "attention" | "update",
): { tapping: Probe[]; launching: ProbeKernels[] } {
  const launches = (probe: Probe) => access !== null && probe.kernels?.[module] !== undefined;
  return {
    tapping: probes.filter((probe) => !launches(probe)),
    launching: probes.filter(launches).map(({ kernels }) => kernels!),
  };
}

export function forKernels(values: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [PREFIX + name, value]));
}

/**
 * A run's outputs, and what kernels make of those that are for them, in CPU memory for as long as `use` runs. All are freed,
 * those for kernels before the others are read.
 */
export async function withObserved(
  engine: Engine,
  outputs: Feeds,
  launches: (held: Feeds) => (() => Promise<Feeds>)[],
  use: (tensors: Record<string, Tensor>) => void | Promise<void>,
): Promise<void> {
  const [shown, read]: Record<string, Held>[] = [{}, {}];
  for (const [name, held] of Object.entries(outputs)) {
    if (name.startsWith(PREFIX)) shown[name.slice(PREFIX.length)] = held;
    else read[name] = held;
  }
  try {
    for (const launch of launches(shown)) {
      for (const [name, held] of Object.entries(await launch())) {
        read[name]?.free(); // probes of one kind see the same
        read[name] = held;
      }
    }
  } catch (error) {
    freeAll(read);
    throw error;
  } finally {
    freeAll(shown);
  }
  await withRead(engine, read, use);
}
