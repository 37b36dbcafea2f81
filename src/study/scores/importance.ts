/** Importance, the mean of 1 − cos(X, Y) (the paper); over blocks, this is the block influence of ShortGPT (arXiv 2403.03853). */
import { moved } from "./distances.ts";
import { profiled } from "./profiles.ts";
import type { Score } from "./score.ts";

export const importance: Score = { ...moved("distance"), modules: profiled("importance") };
