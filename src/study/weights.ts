/** What work weighs beside other work, for commands that make one count of several studies (hub/parts.ts). */
import { flopsOf } from "./estimate.ts";
import { sweepWeights } from "./sweep.ts";

/** Floating-point operations of passes, and of a profile and the sweep by it. */
export const weights = { passes: flopsOf, sweep: sweepWeights } as const;
