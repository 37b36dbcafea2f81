/** The rise of the loss in nats per token when the module alone is removed (Shortened LLaMA, arXiv 2402.02834). */
import { removals } from "./losses.ts";
import type { Score } from "./score.ts";

export const loss: Score = removals("loss", ({ nll }, full) => nll - full);
