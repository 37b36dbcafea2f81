/** A module run part by part, its numbers checked while its weights are at hand. */
import type { Engine, Feeds, Held, Program } from "../../engine/mod.ts";
import type { Model, StoredTypes } from "../../models/mod.ts";
import { areFinite, type Culprit, culpritAmong, notFinite, type Place, takeSquares } from "../finite.ts";
import { freeAll } from "../held.ts";
import type { Programs } from "../programs.ts";
import { type Part, storedTypes } from "../weights/part.ts";

/** A part's program: how its weights are stored, whether it goes on from another part, and whether it is the last. */
export type Compiled<Spec> = (
  programs: Programs,
  spec: Spec,
  stored: StoredTypes,
  onto: boolean,
  last: boolean,
) => Promise<Program>;

/** Where a module runs. */
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
        const fed = Object.entries(weights).filter(([name]) => !Object.hasOwn(from.constants, name));
        const all = { ...Object.fromEntries(fed), ...feeds, ...before ? { sum: before } : {} };
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

/** The error for parts of a module whose numbers are not finite. */
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
      const lease = await model.weights.part(place.layer, new Map(blocks.map((block) => [block, null])));
      try {
        return culpritAmong(lease.tensors, found);
      } finally {
        lease.release();
      }
    });
  }
  return notFinite(model, place, culprit);
}
