/** The lines of a sweep's result: each curve, and each curve under a repair. */
import { type DropOrder, head, type Plan, type Sweep } from "../../result/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import type { Text } from "../base/text.ts";
import { perplexityGroups, riseOver } from "../passes/perplexity.ts";
import type { Curve } from "./curves.ts";
import type { RepairedCurve } from "./repairs.ts";
import type { DraftingOptions, RunOptions } from "../base/options.ts";

export interface Planned {
  readonly curve: Curve | DropOrder;
  readonly plans: readonly Plan[];
}

/** A line: a curve, or a curve under a repair, with what people should know of it. */
interface Line {
  readonly curve: Curve | DropOrder;
  readonly repair?: RepairedCurve["repair"];
  readonly plans: readonly { readonly dropped: number; readonly plan: Partial<DropPlan> }[];
  readonly notes: readonly string[];
}

/** Each curve, then the same under each repair; of a line where nothing could be repaired, the notes alone. */
export function linesOf(curves: readonly Planned[], repaired: readonly (readonly RepairedCurve[])[]): Line[] {
  return curves.flatMap(({ curve, plans }, c): Line[] => {
    const dropped = plans.map(({ order }) => order.length);
    return [
      { curve, plans: plans.map((plan, i) => ({ dropped: dropped[i], plan })), notes: [] },
      ...repaired.map((own): Line => {
        const { repair, plans: made, notes } = own[c];
        const kept = made.flatMap((plan, i) => plan ? [{ dropped: dropped[i], plan }] : []);
        return {
          curve,
          repair,
          plans: kept.some(({ dropped }) => dropped > 0) ? kept : [],
          notes: [...Map.groupBy(notes, ({ why }) => why)].map(([why, own]) => {
            const at = own.map(({ at }) => dropped[at]).join(", ");
            return `${own[0].refused ? `has no point at ${at}` : `at ${at}`}: ${why}`;
          }),
        };
      }),
    ];
  });
}

/** Tells why lines lack points, each reason once, and which repairs may be no better than the drop. */
export function tellNotes({ name }: StudyModel, lines: readonly Line[], { onNotice }: RunOptions): void {
  for (const { curve: { target, by, seed }, repair, notes } of lines) {
    const order = seed === null ? by : `${by}, seed ${seed}`;
    for (const note of notes) {
      onNotice?.(`sweep of ${name}: ${target} by ${order}, repaired by ${repair!.by}, ${note}`);
    }
  }
}

/** The quality along all lines: provenance of the full model, and curves with their points. */
export async function measured(
  model: StudyModel,
  text: Text,
  lines: readonly Line[],
  options: RunOptions & DraftingOptions,
): Promise<Pick<Sweep, "kind" | "method" | "provenance" | "curves">> {
  const drawn = lines.filter(({ plans, repair }) => plans.length > 0 || !repair);
  const groups = [[noDrop], ...drawn.map(({ plans }) => plans.map(({ plan }) => plan))];
  const [[base], ...results] = await perplexityGroups(model, groups, options, text);
  return {
    ...head("sweep"),
    provenance: base.provenance,
    curves: drawn.map(({ curve: { target, by, seed }, repair, plans }, c) => ({
      target,
      by,
      seed,
      ...repair ? { repair } : {},
      points: results[c].map((result, i) => {
        const { kind: _, method: _method, provenance: { drop }, tokens: _tokens, sums: _sums, ...numbers } =
          result;
        return { dropped: plans[i].dropped, drop, ...numbers, ...riseOver(result, base) };
      }),
    })),
  };
}
