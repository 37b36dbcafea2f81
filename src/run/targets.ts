/** What is scored, and the sums that come of it. */

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

/** What is scored of a stream: some of its rows, the token that follows each, and the sample whose sums that goes into. */
export interface Targets {
  readonly rows: Int32Array;
  readonly tokens: Int32Array;
  readonly samples: Int32Array;
}
