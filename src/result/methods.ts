/**
 * How the numbers of each kind are made, by number. A change of the code that moves the numbers of a kind raises its
 * number here: results kept from the previous method are then recomputed, and a file of it is refused. The numbers of a
 * tiny model are stored with the method that made them in `tests/fixtures/results.json`.
 */
export const METHODS = {
  profile: 1,
  perplexity: 1,
  plan: 1,
  replacement: 2,
  order: 1,
  loss: 1,
  guides: 1,
  sweep: 1,
  fit: 1,
  "random-init": 2,
  causes: 1,
  rows: 1,
  checkpoints: 1,
  against: 1,
  compare: 1,
  task: 1,
  written: 1,
  evaluate: 2,
  generate: 1,
  generation: 1,
  roofline: 2,
  speed: 2,
  shards: 1,
  shard: 1,
  doctor: 1,
  info: 1,
} as const;

/** The kind of a result. */
export type Kind = keyof typeof METHODS;

/** The fields that begin every result. */
export function head<K extends Kind>(kind: K): { kind: K; method: (typeof METHODS)[K] } {
  return { kind, method: METHODS[kind] };
}
