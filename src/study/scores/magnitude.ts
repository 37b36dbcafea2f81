/** Relative magnitude, the mean of |update| / |X|. */
import { moved } from "./distances.ts";
import { profiled } from "./profiles.ts";
import type { Score } from "./score.ts";

export const magnitude: Score = { ...moved("magnitude"), modules: profiled("relativeMagnitude") };
