/** A feature: its studies, how the kinds of its results look, and its commands, declared as one thing. Importing its folder registers it. */
import type { Check } from "../entry/mod.ts";
import { type Looks, registerLooks } from "../show/looks.ts";
import { registerStudies } from "../study/studies.ts";

export { look, oneRow, recorded } from "../show/looks.ts";

/** What a feature declares. The kinds of its results register where they are declared. */
export interface Feature {
  readonly studies?: Readonly<Record<string, object>>;
  readonly looks?: Looks;
  /** The command of a study that says itself what it does: heading, place, flags of the example, options besides the study's. */
  readonly command?: {
    readonly heading?: string;
    readonly place?: number;
    readonly flags?: string;
    readonly options?: Readonly<Record<string, Check>>;
  };
  /** The file of its other commands by heading, and their place there, which the command line alone imports. */
  commands?(): Promise<{ readonly commands: Readonly<Record<string, number | readonly unknown[]>> }>;
}

/** Declares a feature. */
export function feature<Own extends Feature>(own: Own): Own {
  registerLooks(own.looks ?? []);
  registerStudies(own.studies ?? {});
  return own;
}
