import { bestRepair, comparedAt, groupsOf, meanOf } from "./derived.ts";
import { isSeeded } from "core/result/mod.ts";
import type { Sweep } from "./result.ts";
import { outsizedPlansText, perplexityChart } from "./chart.ts";
import { type Content, type Draw, figure } from "core/show/chart/svg.ts";
import { sweepRows } from "./table.ts";
import { curveName, repairsText } from "./words.ts";
import { type Finding, modules, reading, settingOf, sharedText, tokensOf } from "core/show/words/mod.ts";

/**
 * Draws perplexity against the number of modules dropped, every curve of a sweep (paper, claims C1 and C2).
 *
 * @example
 * ```ts
 * import { sweep } from "lamina";
 * import { qualityFigure } from "lamina/figures";
 *
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await sweep("data/series/pre-ln/step00512", { ...text, calibration: text, targets: ["attention"], upto: 2, seeds: 1 });
 * const { svg, reading } = qualityFigure(result);
 * ```
 */
export const qualityFigure: Draw<[Sweep]> = qualityFigureAt();

/** The same with a title that compares at another number of drops than a quarter of the layers. */
export function qualityFigureAt(at?: number): Draw<[Sweep]> {
  return figure("quality", "sweep", (sweep) => drawing(sweep, at));
}

function drawing(sweep: Sweep, at?: number): Content {
  const { provenance, calibration, curves } = sweep;
  const { samples } = provenance.packing;
  const groups = groupsOf(sweep);
  const full = curves.flatMap(({ points }) => points).find(({ dropped }) => dropped === 0);
  const ends = groups.map((group) => {
    const { dropped, values } = group.points.at(-1)!;
    const measured = Math.exp(meanOf(values, ({ nll }) => nll));
    return reading`${curveName(group)} ${{ measured }} at ${dropped}`;
  });
  return {
    rows: sweepRows(sweep),
    title: finding(sweep, at),
    shows: [
      reading`Perplexity on held-out text${full && reading`; full model: ${{ measured: full.perplexity }}`}.`,
      outsizedPlansText(sweep),
      curves.some(isSeeded) && "Thin lines: random orders, one for each seed.",
      samples > 1
        ? "Bands: 95 % intervals of the rise over the full model, paired over the samples."
        : "A single sample has no interval.",
      sharedText([sweep]),
    ],
    setting: settingOf(provenance, `drop orders from ${tokensOf(calibration)}`, repairsText(sweep)),
    reads: [`At the end of each curve: ${ends.join("; ")}.`],
    panels: [perplexityChart(sweep)],
  };
}

/** Attention beside MLPs and beside the deepest attention at one number of drops; without two of them, the best repair beside none. */
function finding(sweep: Sweep, at?: number): Finding {
  const { layers } = sweep.provenance.model;
  const compared = comparedAt(sweep, at);
  if (!compared) return repairFinding(bestRepair(groupsOf(sweep)), layers);
  const { dropped, attention, others } = compared;
  const named = others.map((other) => ({ ...other, name: other.by ? `the ${other.by} attention` : "MLPs" }));
  const each = named.map(({ name, point, same }) =>
    reading`${{ measured: point.perplexity }} for ${name}${same && " (the same modules)"}`
  );
  const open = named.filter(({ sign, same }) => sign === 0 && !same).map(({ name }) => name).join(" or ");
  return {
    found: reading`${dropped} dropped: perplexity ${{
      measured: attention.perplexity,
    }} for attention, ${each}`,
    open: open && `whether dropping ${open} costs more`,
  };
}

function repairFinding(found: ReturnType<typeof bestRepair>, layers: number): Finding {
  if (!found) return { topic: "Perplexity against the number of modules dropped" };
  const { target, dropped, bare, best, verdict, rivals } = found;
  const what = modules(target, dropped, layers);
  if (verdict !== "yes") return { open: `whether any repair lowers the loss without ${what}` };
  const [before, after] = [bare, best].map(({ values }) => ({ measured: values[0].perplexity }));
  return {
    found:
      reading`Without ${what}, the best repair tried, ${best.name}, brings perplexity from ${before} to ${after}`,
    open: rivals.length > 0 && `it from ${rivals.join(" or ")}`,
  };
}
