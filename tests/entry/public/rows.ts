/** Calls of public functions that are wrong in one way, and what stands in for models and results in them. */
import { ORDERS } from "../../../src/result/mod.ts";
import { profile } from "../../result/samples.ts";
import { sweep } from "../../show/synthetic.ts";

/** Wrong arguments, and a part of the message that they lead to. */
export type Call = readonly [args: readonly unknown[], message: string];
/** What a public function can be called wrongly with. */
export interface Row {
  /** An option whose name is misspelt; for every function that takes options. */
  readonly name?: Call;
  /** A value of the right type that is none. */
  readonly value?: Call;
  /** A value of another type or kind. */
  readonly type: Call;
}

/** The end of a message on a number. */
export const wholeOf = (least: number) => `expected a whole number of at least ${least}`;
/** What was not awaited. */
export const promised = Promise.resolve(aProfile);
