/** One run of a layer's first module, with its probes. */
import type { Feeds, Held } from "../../engine/mod.ts";
import {
  type AttentionTaps,
  INNER,
  type InnerName,
  type InputTaps,
  type KeysValues,
  mixerGraph,
  mixerKind,
  type MixerSpec,
  scoring,
} from "../../models/mod.ts";
import { freeAll } from "../held.ts";
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
import { isRun } from "../plan/variants.ts";
import type { Part } from "../weights/part.ts";
import { areTexts, type Batch } from "../segments.ts";

/** Keys and values [P, K·E] of a text that others continue. */
export type Kept = KeysValues<Held>;

/**
 * The update of the stream x of some plans, and the keys and values for the segments that continue the batch's text. `given` has values
 * inside attention that take the place of its own.
 */
export async function attend(
  run: Run,
  l: number,
  spec: MixerSpec,
  parts: readonly Part<MixerSpec>[],
  members: readonly number[],
  x: Held,
  batch: Batch,
  past: Kept | null,
  given: Readonly<Partial<Record<InnerName, Held>>> = {},
): Promise<{ a: Held; kept: Kept | null }> {
  const { engine, segments, sights } = run;
  const { hidden, layers } = run.model.spec;
  const extent = extentOf(run, batch);
  const options = {
    masked: !areTexts(segments, batch),
    past: past !== null,
    keep: scoring(spec) !== null && run.continued.has(batch.first),
    given: INNER.filter((name) => given[name]),
  };
  const observers = mixerKind(spec).inside(spec) ? lookingAt(run, members) : [];
  const { tapping, launching } = split(engine, observers, "attention");
  const compiled: Compiled<MixerSpec> = (programs, spec, stored, onto, last) => {
    const taps = last ? namesOf(run, observers) : [];
    return programs.get(["attention", spec, extent, options, [...stored], onto, taps], () => {
      const tap = (values: AttentionTaps & InputTaps) => {
        const { q, k } = values;
        const own = tapping.map((probe) => probe.attention?.(values, spec, extent));
        return Object.assign({}, ...own, launching.length > 0 ? forKernels({ q, k }) : {});
      };
      return mixerGraph(spec, hidden, extent, {
        ...options,
        lowering: engine.has,
        onto,
        stored,
        ...last ? { tap } : {},
      });
    });
  };
  const feeds = {
    ...sights.of(spec, batch),
    ...past ? { past_key: past.key, past_value: past.value } : {},
    ...given,
    x,
  };
  const { a, key, value, ...outputs } = await runModule(
    whereOf(run, l, "attention"),
    parts,
    compiled,
    feeds,
    "a",
  );
  try {
    const present = { attention: true, mlp: layers[l].mlp !== null };
    const seen = { layer: l, plans: members, present, ...batch };
    const launches = ({ q, k }: Feeds) =>
      launching.map(({ attention }) => () => attention!(engine, { q, k }, spec, extent));
    await withObserved(engine, outputs, launches, async (outputs) => {
      for (const probe of observers) await probe.observeAttention?.({ ...seen, outputs });
    });
    if (isRun(spec)) run.step();
    return { a, kept: options.keep ? { key, value } : null };
  } catch (error) {
    freeAll(options.keep ? [a, key, value] : [a]);
    throw error;
  }
}
