/** How large a model is before and after: its files, its weights, its keys and values. */
import { type FileSizes, filesText, formatBytes, lessText, type SizeChange } from "../../entry/mod.ts";
import type { Job, Module } from "../../formats/mod.ts";
import { everyChange, planOf } from "../../measure/mod.ts";
import { changedSpec } from "../../run/mod.ts";
import { allKvBytes } from "../../study/mod.ts";
import { sizesOf } from "../../subject/mod.ts";

/** All sizes of a smaller model. */
export interface Sizes {
  readonly files: FileSizes;
  /** Weights of what is run. */
  readonly parameters: SizeChange;
  /** Bytes of keys and values of a sequence of `LONG` tokens, in 16 bits; of windows, the last ones. */
  readonly longKvBytes: SizeChange;
}

/** Tokens of a long sequence. */
const LONG = 8192;

/** Weights, and keys and values, as readers of the files run the model: with the modules that are there as zeros. */
export function modelSizes(
  { full, before, drop }: Job,
  zeroed: readonly Module[] = [],
): Omit<Sizes, "files"> {
  const runs = (one: Module) =>
    zeroed.some(({ module, layer }) => module === one.module && layer === one.layer);
  const run = planOf(everyChange(drop).filter((change) => !runs(change)));
  const [all, left] = [before, run].map((plan) => sizesOf(changedSpec(full, plan)));
  return {
    parameters: { before: all.parameters, after: left.parameters },
    longKvBytes: { before: allKvBytes(all, LONG), after: allKvBytes(left, LONG) },
  };
}

/** Sentences for the card. */
export function sizesText({ files, parameters, longKvBytes }: Sizes, format: string): string {
  const change = (sizes: SizeChange, text: (value: number) => string) =>
    `${text(sizes.before)} before, ${text(sizes.after)} after (${lessText(sizes)})`;
  return `Files: ${filesText(files, format)}. Weights that are run: ${change(parameters, String)}. ` +
    `Keys and values of ${LONG} tokens, in 16 bits: ${change(longKvBytes, formatBytes)}.`;
}
