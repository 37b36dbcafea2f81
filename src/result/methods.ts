/**
 * How the numbers of each kind are made, by number. A change of the code that moves the numbers of a kind raises its
 * number here: what is kept of the method before is then computed again, and a file of it is refused. The numbers of a
 * tiny model stand beside the method that made them in `tests/fixtures/results.json`.
 */
export const METHODS = {
  profile: 1,
  perplexity: 1,
  plan: 1,
  sweep: 1,
  "random-init": 1,
  causes: 1,
  checkpoints: 1,
  against: 1,
  compare: 1,
  generate: 1,
  doctor: 1,
} as const;

/** What a result is. */
export type Kind = keyof typeof METHODS;

/** How every result begins. */
export function head<K extends Kind>(kind: K): { kind: K; method: (typeof METHODS)[K] } {
  return { kind, method: METHODS[kind] };
}
