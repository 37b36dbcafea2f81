/** The parts of a page. */
import type { Figure } from "../chart/svg.ts";
import type { Claim } from "../claims/claims.ts";

/** Content of a page. */
export interface Report {
  readonly title: string;
  readonly sections: readonly Section[];
}

/** One analysis. */
export interface Section {
  /** In a word: "importance". */
  readonly name: string;
  readonly title: string;
  /** The setting of its numbers: model, weight format, text, packing. */
  readonly setting: string;
  readonly claims: readonly Claim[];
  readonly figures: readonly Figure[];
  readonly tables: readonly ReportTable[];
}

/** Cells as text; the first column names the row. */
export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
