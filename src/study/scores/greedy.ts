/** Drops the module whose removal raises the loss least, and measures again with the drops made (SLEB, arXiv 2402.09025). */
import { loss } from "./loss.ts";
import type { Score } from "./score.ts";

export const greedy: Score = { ...loss, again: true };
