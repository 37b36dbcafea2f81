/** Calls of public functions that are wrong in one way, and what stands in for models and results in them. */
import { profile } from "../../result/samples.ts";
import results from "../../../fixtures/results.json" with { type: "json" };

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

/** What is wrong with the calls of a function whose messages all begin with `Cannot VERB: `. */
export function cannot(verb: string, { name, value, type }: Row): Row {
  const begun = (
    [args, message]: Call,
  ): Call => [args, /^\(|^Cannot |^expected/.test(message) ? message : `Cannot ${verb}: ${message}`];
  return { ...name && { name: begun(name) }, ...value && { value: begun(value) }, type: begun(type) };
}

export const aProfile = profile();
export const aSweep = results.sweep;
export const ofCheckpoints = results.checkpoints;
export const model = { name: "tiny", spec: { layers: [] }, identity: {}, tokenizer() {}, weights: {} };
export const named = { name: "tiny", config: {} };
export const series = { name: "run", checkpoints: [] };
export const curve = { target: "mlp", by: "deepest", seed: null };
export const entry = { module: "mlp", layer: 0, score: 0.5 };

export const study = (verb: string, ...after: unknown[]): Row =>
  cannot(verb, {
    name: [[model, ...after, { sample: 2 }], 'unknown option "sample", expected one of text, samples, '],
    value: [[model, ...after, { samples: 0 }], `samples is 0, ${wholeOf(1)}`],
    type: [[{}, ...after], "model is an object, expected a model or its name"],
  });

export const untrained = (verb: string, ...between: unknown[]): Row =>
  cannot(verb, {
    name: [[named, ...between, { sed: 1 }], 'unknown option "sed", expected one of samples, length, '],
    value: [[named, ...between, { norm: "per" }], 'expected one of pre, peri, post (did you mean "peri"?)'],
    type: [[7, ...between], "configuration is 7, expected a configuration from openConfig"],
  });

/** The end of a message on a number. */
export const wholeOf = (least: number) => `expected a whole number of at least ${least}`;
/** What was not awaited. */
export const promised = Promise.resolve(aProfile);
