/** The divergence KL(p_full ‖ p_drop) in nats per token when the module alone is removed (Shortened LLaMA, arXiv 2402.02834). */
import { removals } from "./losses.ts";
import type { Score } from "./score.ts";

export const kl: Score = { ...removals("divergence", ({ kl }) => kl), ofRemoval: ({ kl }) => kl };
