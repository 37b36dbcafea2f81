/** How large files are before and after, in words. */
import { formatBytes } from "./progress.ts";

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
export type SizeChange = { readonly before: number; readonly after: number };

/** "538 MB before, 510 MB after (5.3 % less) as hf-nas; the original has 98.4 MB". */
export function filesText({ original, whole, smaller }: FileSizes, format: string): string {
  const after = `${formatBytes(smaller)} as ${format}`;
  if (whole === null) return `${formatBytes(original)} before, ${after}`;
  const own = original === whole ? "" : `; the original's own files have ${formatBytes(original)}`;
  const less = lessText({ before: whole, after: smaller });
  return `${formatBytes(whole)} with every module, ${after} (${less})${own}`;
}

/** "5.3 % less". */
export function lessText({ before, after }: SizeChange): string {
  const share = before === 0 ? 0 : 1 - after / before;
  const percent = (100 * Math.abs(share)).toFixed(1);
  return percent === "0.0" ? "the same" : `${percent} % ${share > 0 ? "less" : "more"}`;
}
