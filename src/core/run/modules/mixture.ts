/**
 * A mixture run expert by expert: which tokens chose which expert is all that comes to the CPU; the stream, and the sum of what
 * experts make of it, stay where they are.
 */
import type { Feeds, Held } from "../../engine/mod.ts";
import {
  expertGraph,
  type ExpertSpec,
  type MixtureSpec,
  routerGraph,
  type RouterTaps,
  sharedGraph,
  type SharedSpec,
} from "../../models/mod.ts";
import type { Lowering, Value } from "../../onnx/mod.ts";
import { indices, type Tensor } from "../../tensor/mod.ts";
import type { MixtureParts } from "../weights/parts.ts";
import type { Part } from "../weights/part.ts";
import { freeAll, withUploaded } from "../held.ts";
import { type Compiled, runModule, type Where } from "./module.ts";

/** Outputs that probes add to the router's graph; `key` tells them from those of other probes. */
export type RouterTap = { readonly key: unknown; readonly tap: (taps: RouterTaps) => Record<string, Value> };

/**
 * What a mixture made of some tokens: its update before the norm behind it [N, D], not known to be finite; what made it; which experts
 * ran; and the outputs that probes added to its router.
 */
export interface Mixed {
  /** The experts of each token [N · k]. */
  readonly chosen: BigInt64Array;
  readonly sum: Held;
  readonly by: readonly Part<unknown>[];
  readonly outputs: Record<string, Held>;
}

/**
 * Runs a mixture on streams x and, if attention runs, a [N, D]. What it gives is the taker's to free. Throws `RangeError` where
 * the numbers of the router, or those that an expert clips, are not finite.
 */
export async function runMixture(
  where: Where,
  spec: MixtureSpec,
  parts: MixtureParts,
  streams: Feeds,
  tap: RouterTap | null = null,
): Promise<Mixed> {
  const { model: { spec: { hidden } }, engine } = where;
  const { top } = spec;
  const options = { lowering: engine.has };
  const routing: Compiled<MixtureSpec> = (programs, spec, stored) =>
    programs.get(["router", spec, Object.keys(streams), [...stored], tap?.key], () => {
      const own = { ...options, stored, ...tap ? { tap: tap.tap } : {} };
      return routerGraph(spec, hidden, "a" in streams, own);
    });
  const sharing: Compiled<SharedSpec> = (programs, spec, stored, onto) =>
    programs.get(
      ["shared", spec, [...stored], onto],
      () => sharedGraph(spec, hidden, { ...options, stored, onto }),
    );
  const adding: Compiled<ExpertSpec> = (programs, spec, stored, onto) =>
    programs.get(
      ["expert", spec, top, [...stored], onto],
      () => expertGraph(spec, hidden, top, { ...options, stored, onto }),
    );
  const routed = await runModule(where, [parts.router], routing, streams, "sum");
  const { normed, experts, weights, sum, ...outputs } = routed;
  try {
    await runModule(where, parts.shared, sharing, { normed }, "next", sum);
    const chosen = (await engine.read(experts)).data as BigInt64Array;
    const running = tokensOf(chosen, spec).map(([e, places]) => ({ expert: parts.expert(e), places }));
    for (const { expert, places } of running) {
      await withUploaded(engine, choiceOf(places, spec, normed.shape[0], engine.has), async (held) => {
        await runModule(where, expert, adding, { ...held, normed, weights }, "next", sum);
      });
    }
    return { chosen, sum, by: [...parts.shared, ...running.flatMap(({ expert }) => expert)], outputs };
  } catch (error) {
    freeAll([sum, ...Object.values(outputs)]);
    throw error;
  } finally {
    freeAll([normed, experts, weights]);
  }
}

/** The places among all choices (row · k + which) of each chosen expert, in order. Throws `RangeError` for a choice that is none. */
function tokensOf(chosen: BigInt64Array, { experts }: MixtureSpec): [expert: number, places: number[]][] {
  const places: number[][] = Array.from({ length: experts }, () => []);
  chosen.forEach((expert, place) => {
    const own = places[Number(expert)];
    if (!own) throw new RangeError(`Cannot run expert ${expert}: expected one from 0 to ${experts - 1}`);
    own.push(place);
  });
  return [...places.entries()].filter(([, own]) => own.length > 0);
}

function choiceOf(
  places: readonly number[],
  { top }: MixtureSpec,
  tokens: number,
  { rows: how }: Lowering,
): Record<string, Tensor> {
  const rows = places.map((place) => Math.floor(place / top));
  const chosen = { rows: indices(rows), places: indices(places) };
  if (how === "scattered") return chosen;
  const gains = Array<number>(tokens).fill(rows.length);
  rows.forEach((row, i) => gains[row] = i);
  return { ...chosen, gains: indices(gains) };
}
