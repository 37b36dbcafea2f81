/** How large a model is before and after: its files, its weights, its keys and values. */
import { formatBytes, sum } from "../../entry/mod.ts";
import { changedSpec } from "../../run/mod.ts";
import { allKvBytes } from "../../study/mod.ts";
import { sizesOf } from "../../subject/mod.ts";
import type { Job, OutFile } from "../job.ts";

/** Bytes of files, without the model card. */
export interface FileSizes {
  /** Of the original, as it is stored. */
  readonly original: number;
  /** Of the original in the same format as the smaller model; null where the format cannot express it. */
  readonly whole: number | null;
  /** Of the smaller model. */
  readonly smaller: number;
}

/** A number with every module and without those that are dropped. */
interface Change {
  readonly before: number;
  readonly after: number;
}

/** All sizes of a smaller model. */
export interface Sizes {
  readonly files: FileSizes;
  /** Weights of what is run. */
  readonly parameters: Change;
  /** Bytes of keys and values for each token of the context, in 16 bits. */
  readonly kvBytes: Change;
  /** The same of a sequence of `LONG` tokens, of which windows keep the last. */
  readonly longKvBytes: Change;
}

/** Tokens of a long sequence. */
const LONG = 8192;

export const bytesOfFiles = (files: readonly OutFile[]): number => sum(files, ({ bytes }) => bytes);

export async function originalBytes({ files }: Job): Promise<number> {
  const sizes = await Promise.all(
    files.list().map(async (name) => {
      const source = await files.open(name);
      source.close();
      return source.size;
    }),
  );
  return sum(sizes, (size) => size);
}

/** Weights, and keys and values. */
export function modelSizes({ full, before, drop }: Job): Omit<Sizes, "files"> {
  const [all, left] = [before, drop].map((plan) => sizesOf(changedSpec(full, plan)));
  return {
    parameters: { before: all.parameters, after: left.parameters },
    kvBytes: { before: allKvBytes(all, 1), after: allKvBytes(left, 1) },
    longKvBytes: { before: allKvBytes(all, LONG), after: allKvBytes(left, LONG) },
  };
}

/** "538 MB before, 510 MB after (5.3 % less) as hf-nas; the original has 98.4 MB". */
export function filesText({ original, whole, smaller }: FileSizes, format: string): string {
  const after = `${formatBytes(smaller)} as ${format}`;
  if (whole === null) return `${formatBytes(original)} before, ${after}`;
  const own = original === whole ? "" : `; the original's own files have ${formatBytes(original)}`;
  return `${formatBytes(whole)} with every module, ${after} (${
    lessText({ before: whole, after: smaller })
  })${own}`;
}

/** "5.3 % less". */
function lessText({ before, after }: Change): string {
  const share = before === 0 ? 0 : 1 - after / before;
  const percent = (100 * Math.abs(share)).toFixed(1);
  return percent === "0.0" ? "the same" : `${percent} % ${share > 0 ? "less" : "more"}`;
}

/** A table for the card. */
export function sizesText({ files, parameters, kvBytes, longKvBytes }: Sizes, format: string): string {
  const row = (what: string, change: Change, text: (value: number) => string) =>
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
