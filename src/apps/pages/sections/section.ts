/** The sections of a page. */
import type { Provenance } from "core/result/mod.ts";
import type { Figure } from "core/show/chart/svg.ts";
import type { Claim } from "../claims/claims.ts";
import type { Table } from "core/show/tables/table.ts";

/** Content of a page. */
export interface Report {
  readonly title: string;
  /** The command that makes it: "lamina figures smollm2-135m". */
  readonly command: string;
  /** The day it was made on: "2026-11-26". */
  readonly date: string;
  readonly sections: readonly Section[];
  /** Commands to type next. */
  readonly next?: readonly string[];
}

export interface Section {
  /** In a word: "importance". */
  readonly name: string;
  readonly title: string;
  /** The setting of its numbers: model, weight format, text, packing. */
  readonly setting: string;
  readonly claims: readonly Claim[];
  readonly figures: readonly Figure[];
  readonly tables: readonly Table[];
  /** Its answer, for the top of the page. */
  readonly answer?: Answer | undefined;
}

export type Drop = Provenance["drop"];

export interface Answer {
  /** The modules that can be dropped, in words. */
  readonly goes: string;
  /** The plan that the answer is about, if it is about one. */
  readonly drop?: Drop;
  /** The kind of cost that the section measures: a page says each once. */
  readonly measure?: "loss" | "accuracy";
  /** Describes the cost of a plan; returns undefined if this section did not measure it. */
  readonly costOf?: (drop: Drop) => string | undefined;
  /** What dropping the plan saves. */
  readonly saves?: string;
}
