/**
 * What a model writes while a function changes its values. The whole text so far runs again for every token, as `observe` runs it: the
 * function sees all of it each time, and what it changes at early tokens reaches the later ones.
 */
import { unlessAborted } from "core/entry/mod.ts";
import { changedSpec, type DropPlan, valuesProbe } from "core/run/mod.ts";
import type { Decoder } from "core/run/decode/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { bytesOf } from "core/study/estimate.ts";
import { type EngineOptions, withResidents } from "core/study/options.ts";
import { pass } from "core/study/pass.ts";
import type { ValueChange } from "../losses/mod.ts";
import { openHead, withIds } from "../observe/mod.ts";

interface Changed extends EngineOptions {
  readonly change: ValueChange;
  readonly plan: DropPlan;
  /** The plan's place in the list. */
  readonly index: number;
  /** Most tokens of the text, with the prompt. */
  readonly length: number;
  readonly signal?: AbortSignal | undefined;
}

/** Reads one text under a plan with the changes, for as long as `use` runs; the weights stay at hand from token to token. */
export async function withChangedReader<T>(
  model: StudyModel,
  options: Changed,
  use: (reader: Pick<Decoder, "prefill" | "step">) => Promise<T>,
): Promise<T> {
  const { change, plan, index, length, signal } = options;
  const need = bytesOf(model, [{ plans: [plan], head: true, samples: 1, length }]);
  return await withResidents(model.weights, need, options, async ({ engine, precision }) => {
    await using lens = await openHead(model, plan, { engine, precision, signal });
    const { layers } = changedSpec(model.spec, plan);
    let read: readonly number[] = [];

    async function next(ids: readonly number[]): Promise<Float32Array> {
      read = ids;
      const blocks = { ids: Int32Array.from(ids), samples: 1, length: ids.length };
      const see: Parameters<typeof valuesProbe>[2] = (seen) =>
        unlessAborted(change.by(Object.assign(withIds(seen, blocks), { plan: index })), signal);
      const probe = valuesProbe(layers, change.values, see, { readHead: lens.read });
      let logits = new Float32Array();
      await pass(model, blocks, [probe], { engine, precision, signal }, {
        plans: [plan],
        async finish([{ batches: [stream] }]) {
          ({ logits: { data: logits } } = await lens.read(stream, Int32Array.of(ids.length - 1), ["logits"]));
        },
      });
      return logits;
    }

    return await use({ prefill: ([prompt]) => next([...prompt]), step: ([id]) => next([...read, id]) });
  });
}
