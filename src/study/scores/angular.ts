/** Angular distance, the mean of arccos(cos(X, Y))/π over all tokens, or over the last of each sample (Gromov et al., arXiv 2403.17887). */
import { moved } from "./distances.ts";
import type { Score } from "./score.ts";

export const angular: Score = moved("angle");
export const angularLast: Score = moved("angle", "last");
