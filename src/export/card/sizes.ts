/** How large a model is before and after: its files, its weights, its keys and values. */
import { type FileSizes, formatBytes, lessText, type SizeChange } from "../../entry/mod.ts";
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
  /** Bytes of keys and values for each token of the context, in 16 bits. */
  readonly kvBytes: SizeChange;
  /** The same of a sequence of `LONG` tokens, of which windows keep the last. */
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
    kvBytes: { before: allKvBytes(all, 1), after: allKvBytes(left, 1) },
    longKvBytes: { before: allKvBytes(all, LONG), after: allKvBytes(left, LONG) },
  };
}

/** A table for the card. */
export function sizesText({ files, parameters, kvBytes, longKvBytes }: Sizes, format: string): string {
  const row = (what: string, change: SizeChange, text: (value: number) => string) =>
    `| ${what} | ${text(change.before)} | ${text(change.after)} | ${lessText(change)} |`;
  const whole = (value: number) => String(value);
  const bytes = (value: number) => `${formatBytes(value)} (${value} bytes)`;
  const { original, whole: all, smaller } = files;
  return [
    "|     | with every module | this model | change |",
    "| --- | ----------------- | ---------- | ------ |",
    ...all === null ? [] : [row(`files as \`${format}\``, { before: all, after: smaller }, bytes)],
    row("files, beside the original's own", { before: original, after: smaller }, bytes),
    row("weights that are run", parameters, whole),
    row("keys and values per token, in 16 bits", kvBytes, bytes),
    row(`keys and values of ${LONG} tokens, in 16 bits`, longKvBytes, bytes),
  ].join("\n");
}
