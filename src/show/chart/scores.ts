/** How scores and orders are named and drawn; the table is in `result/scores.ts`. */
import { type GuideName, GUIDES, PAPER_SCORE, type Plan, SCORES } from "../../result/mod.ts";
import { KIND_NAMES } from "./setting.ts";

type Drawn = Pick<Plan, "target" | "by">;

/** Whether an order is by importance, the score of the paper: titles and claims are about it. */
export function isByImportance({ by }: Pick<Plan, "by">): boolean {
  return by === PAPER_SCORE;
}

/** Whether an order is random, so that each seed gives another. */
export function isSeeded({ by }: Pick<Plan, "by">): boolean {
  return SCORES[by].seeded ?? false;
}

/** A curve in labels: "attention" by importance, "attention, greedy" by another score. */
export function curveName({ target, by }: Drawn): string {
  return isByImportance({ by }) ? KIND_NAMES[target] : `${KIND_NAMES[target]}, ${by}`;
}

/** An order in headings: "greedy", "random, seed 3". */
export function orderName({ by, seed }: Pick<Plan, "by" | "seed">): string {
  return isSeeded({ by }) ? `${by}, seed ${seed}` : by;
}

/** The width of a curve's line: importance stands out. */
export function widthOf(by: Plan["by"]): number {
  return isByImportance({ by }) ? 2.5 : 1.5;
}

/** A guide in tables and figures. */
export function guideTitle(name: GuideName): string {
  return SCORES[GUIDES[name]].title ?? name;
}
