/** Attention modules as windows: their changes, and the keys and sinks of options. */
import { type Checks, option, wholeNumber } from "../../entry/mod.ts";
import type { Change } from "../../measure/mod.ts";

/** Keys that attention keeps instead of all keys of the text. */
export interface WindowOptions {
  /**
   * Number of keys that each chosen attention keeps, the query's own included: it becomes a window of them, and is not dropped. Only
   * for attention.
   */
  readonly window?: number | undefined;
  /**
   * Number of first keys of the text that a window keeps besides, since attention rests on them; default: 4 (StreamingLLM, arXiv
   * 2309.17453). A layer whose own window is larger than this one (Gemma 3) sees them beyond it.
   */
  readonly sinks?: number | undefined;
}

/** StreamingLLM's. */
const SINKS = 4;

/** Checks of these options. */
export const windowChecks: Checks<WindowOptions> = {
  window: option(wholeNumber(1), "<n> keep the chosen attention with its last n keys instead of dropping it"),
  sinks: option(wholeNumber(0), "<n> first keys of the text that a window keeps too", SINKS, {
    needs: "window",
  }),
};

/** Keys and sinks of a window; null if options set none. */
export function windowIn(
  { window, sinks = SINKS }: WindowOptions,
): { readonly keys: number; readonly sinks: number } | null {
  return window === undefined ? null : { keys: window, sinks };
}

/** The changes that make windows of the attention of some layers. */
export function windowsOf(
  layers: readonly number[],
  { keys, sinks }: { readonly keys: number; readonly sinks: number },
): Change[] {
  return layers.map((layer) => ({ layer, module: "attention", to: "window", keys, sinks }));
}
