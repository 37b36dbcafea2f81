/** The residual streams that segments have become. */
import type { Held } from "../engine/mod.ts";
import { freeAll } from "./held.ts";

/** The stream that plans share, a batch after the other. */
export interface State {
  readonly plans: readonly number[];
  readonly batches: Held[];
}

/** Frees streams; one that several states share is freed once. */
export function freeStates(states: readonly State[]): void {
  freeAll(states.flatMap(({ batches }) => batches));
}
