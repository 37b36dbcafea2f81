/** The parts of a page. */
import type { Provenance } from "../../result/mod.ts";
import type { Figure } from "../chart/svg.ts";
import type { Claim } from "../claims/claims.ts";

/** Content of a page. */
export interface Report {
  readonly title: string;
  /** The command that makes it: "lamina figures smollm2-135m". */
  readonly command: string;
  /** The day it was made on: "2026-11-26". */
  readonly date: string;
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
  /** Its part of what the page answers first. */
  readonly answer?: Answer | undefined;
}

/** Cells as text; the first column names the row. */
export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Modules left out. */
export type Drop = Provenance["drop"];

/** A section's part of what its page answers first. */
export interface Answer {
  /** What may go. */
  readonly goes: string;
  /** The modules that this is about; absent where it is about no plan. */
  readonly drop?: Drop;
  /** What leaving some modules out costs; undefined where this section did not measure that. */
  readonly costOf?: (drop: Drop) => string | undefined;
}
