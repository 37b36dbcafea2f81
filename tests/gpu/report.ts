/** What the check of a device finds: rows, each a measurement beside what it may be at most, where that is known. */
import { align } from "core/show/tables/text.ts";
import { beyond, type Deviation } from "../core/models/parity.ts";

export interface Row {
  readonly section: string;
  readonly precision: string;
  readonly what: string;
  /** What was measured: an error, a difference to the CPU, a time. */
  readonly value: number;
  readonly unit: string;
  /** The most that it may be; null where it is only told. */
  readonly most: number | null;
  /** PyTorch's, or the CPU's, of the same. */
  readonly beside?: number | null;
}

/** A way to make rows of one section and precision. */
export const rowsOf =
  (section: string, precision: string) =>
  (what: string, value: number, unit: string, most: number | null = null, beside?: number | null): Row => (
    { section, precision, what, value, unit, most, ...beside === undefined ? {} : { beside } }
  );

/** What was left out, and why. */
export type Skipped = { readonly section: string; readonly reason: string };

export interface Report {
  readonly lamina: string;
  readonly engine: string;
  readonly runtime: string;
  readonly device: string | null;
  readonly precisions: readonly string[];
  /** Whether nothing is off by more than it may be. */
  readonly works: boolean;
  readonly rows: readonly Row[];
  readonly skipped: readonly Skipped[];
}

/** The worst of some comparisons as a row: nearest to, or furthest beyond, what it may be. */
export function worst(section: string, precision: string, what: string, all: readonly Deviation[]): Row {
  const share = ({ error, most }: Deviation) => error === 0 ? 0 : error / most;
  const [bad] = beyond(all);
  const found = bad ?? all.reduce((a, b) => share(b) > share(a) ? b : a);
  const where = bad ? `${what}: ${bad.what}` : what;
  return { section, precision, what: where, value: found.error, unit: "relative", most: found.most };
}

/** Whether a row is as it should be. */
export function isGood({ value, most }: Row): boolean {
  return most === null || value <= most; // NaN is not
}

export function reportText({ engine, runtime, device, rows, skipped, works }: Report): string {
  const number = (value: number | null | undefined) => typeof value === "number" ? value.toPrecision(3) : "";
  const heads = ["", "section", "precision", "what", "found", "at most", "beside", "unit"];
  const lines = rows.map((row) => {
    const { section, precision, what, value, most, beside, unit } = row;
    return [isGood(row) ? "" : "!", section, precision, what, ...[value, most, beside].map(number), unit];
  });
  return [
    `${engine}: ${device ?? "the CPU"}, ${runtime}`,
    align([heads, ...lines], {}, [3, 1, 2, 7]),
    ...skipped.map(({ section, reason }) => `skipped: ${section} (${reason})`),
    works ? "all is as it should be" : "what is marked with ! is off by more than it may be",
  ].join("\n");
}
