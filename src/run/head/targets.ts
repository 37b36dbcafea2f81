/** What is scored of a stream, and what comes of it. */

/** Some rows of a stream, and the tokens that each is asked about. */
export interface Targets {
  /** Distinct rows [n]. */
  readonly rows: Int32Array;
  /** Tokens [m], and of each which of the rows predicts it (an index, ascending); every row predicts one at least. */
  readonly tokens: Int32Array;
  readonly of: Int32Array;
}

/** One plan's predictions, over the targets of all streams, one after the other. */
export interface Scores {
  /** −ln p(token) of each token, nats. */
  readonly nll: Float64Array;
  /** Whether each token is the most probable one of its row. */
  readonly best: Uint8Array;
  /** KL(p_full ‖ p_plan) of each row, nats. */
  readonly kl: Float64Array;
  /** Whether each row's most probable token is also the full model's. */
  readonly agrees: Uint8Array;
}

/** Sums over the predicted tokens of one sample. */
export interface ScoreSums {
  /** Σ −ln p(token), nats. */
  nll: number;
  /** Σ KL(p_full ‖ p_drop), nats. */
  kl: number;
  /** Positions whose most probable token is also the full model's. */
  top1: number;
  /** Predicted tokens: T − 1. */
  tokens: number;
}
