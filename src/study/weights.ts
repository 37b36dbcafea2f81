/** What work weighs beside other work, for commands that make one count of several studies (entry/phases.ts). */
import { flopsOf } from "./estimate.ts";
import { orderWeight } from "./orders/order.ts";
import { sweepWeights } from "./sweep/price.ts";

/** Floating-point operations of passes, of an order, and of a profile and the sweep by it. */
export const weights = { passes: flopsOf, order: orderWeight, sweep: sweepWeights } as const;
