/** Token blocks, the batches they run in, and the residual streams that they have become. */
import type { Held } from "../engine/mod.ts";
import { freeAll } from "./held.ts";

/** Token ids [samples, length], a sample after the other. */
export interface Blocks {
  readonly ids: Int32Array;
  readonly samples: number;
  readonly length: number;
}

/** Samples [first, first + count) that are run together. */
export interface Batch {
  readonly first: number;
  readonly count: number;
}

/** The stream that plans share, a batch after the other. */
export interface State {
  readonly plans: readonly number[];
  readonly batches: Held[];
}

/** Frees streams; one that several states share is freed once. */
export function freeStates(states: readonly State[]): void {
  freeAll(states.flatMap(({ batches }) => batches));
}
