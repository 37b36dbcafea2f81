/** Who frees what a run gives: readers at once, the executor when a state is passed on, and everything when it fails. */
import { freeAll, type Held } from "../engine/mod.ts";
export { freeAll, take, withRead, withUploaded } from "../engine/mod.ts";

/** The residual stream that plans share, a batch after the other. */
export type State = { readonly plans: readonly number[]; readonly batches: Held[] };

/** Frees streams; one that several states share is freed once. */
export function freeStates(states: readonly State[]): void {
  freeAll(states.flatMap(({ batches }) => batches));
}
