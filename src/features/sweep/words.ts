import { isByImportance, type Plan } from "core/result/mod.ts";
import type { Sweep } from "./result.ts";
import { KIND_NAMES, packedOf } from "core/show/words/names.ts";

type Repair = Sweep["curves"][number]["repair"];
type Drawn = Pick<Plan, "target" | "by"> & { readonly repair?: Repair | undefined };

/** A curve in labels: "attention" by importance, "attention, greedy" by another score, "attention, repaired: linear". */
export const curveName = ({ target, by, repair }: Drawn): string =>
  [KIND_NAMES[target], ...isByImportance({ by }) ? [] : [by], ...repair ? [repairName(repair)] : []].join(
    ", ",
  );

/** A repair in labels: "repaired: linear". */
export const repairName = ({ by }: NonNullable<Repair>): string => `repaired: ${by}`;

/** What a sweep's repairs come from: "repairs fitted in sequence on 24 × 512 tokens of stories"; empty without repairs. */
export function repairsText({ repaired, curves }: Pick<Sweep, "repaired" | "curves">): string {
  if (!repaired) return "";
  const how = curves.some(({ repair }) => repair?.sequential) ? "in sequence " : "";
  return `repairs fitted ${how}on ${packedOf(repaired)}`;
}
