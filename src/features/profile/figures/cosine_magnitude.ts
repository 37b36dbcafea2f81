/**
 * Importance against relative magnitude (paper, claim C9: cosine similarity captures magnitude implicitly).
 *
 * cos(X, X + u) = (1 + r s) / √(1 + r² + 2 r s) with r = |u| / |X| and s = cos(u, X). For s = 0, an update orthogonal to the
 * stream, importance is 1 − 1/√(1 + r²): magnitude alone. To first order in s the angle adds −s r³/(1 + r²)^(3/2), for a small
 * update a fraction −2 s r of its importance: updates along the stream lie below the curve, those against it above. Both axes
 * are means over tokens, so a size that varies between tokens also moves a dot.
 */
import { correlates, importanceOf, median, MODULES, spearman } from "core/measure/mod.ts";
import type { Profile } from "../result.ts";
import { logAxis, logDomain } from "core/show/chart/draw/axes.ts";
import { COLORS, FAINT } from "core/show/chart/draw/colors.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import { byKind, lineChart, MODULE_KEY } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { type Finding, formatFixed, KIND_NAMES, rankText, reading } from "core/show/words/mod.ts";
import { outsizedIn } from "../table.ts";
import { ringsText } from "./profiles.ts";

/** Spearman's correlation of importance with relative magnitude over some modules; null where it is undefined. */
export function magnitudeCorrelation(
  profile: Profile,
  kinds: readonly Row["module"][] = MODULES,
): { readonly rank: number; readonly modules: number } | null {
  const modules = rowsOf(profile).filter(({ module }) => kinds.includes(module));
  const rank = spearman(
    modules.map(({ relative_magnitude }) => relative_magnitude),
    modules.map(({ importance }) => importance),
  );
  return modules.length > 2 && Number.isFinite(rank) ? { rank, modules: modules.length } : null;
}

/** Draws how much of importance is magnitude, and how much is angle. */
export const cosineMagnitudeFigure: Draw<[Profile]> = figure("cosine_magnitude", "profile", (profile) => {
  const rows = rowsOf(profile);
  return {
    rows,
    title: finding(magnitudeCorrelation(profile)),
    shows: [
      "One mark per module, numbered by layer where space allows. The curve, 1 − 1/√(1 + r²), shows updates",
      "orthogonal to the stream: their importance depends on magnitude alone.",
      ringsText([profile], MODULES),
    ],
    reads: distances(profile, rows),
    key: MODULE_KEY,
    panels: [chart(rows, profile)],
  };
});

type Row = ReturnType<typeof rowsOf>[number];

function rowsOf(profile: Profile) {
  return MODULES.flatMap((module) =>
    profile[module].importance.flatMap((importance, layer) => {
      const magnitude = profile[module].relativeMagnitude[layer];
      if (!importance || !magnitude || importance < 0) return [];
      const orthogonal_importance = importanceOf(magnitude, 0);
      return [{ module, layer, relative_magnitude: magnitude, importance, orthogonal_importance }];
    })
  );
}

/** A direction only where the interval of the correlation over all modules excludes 0. */
function finding(correlation: ReturnType<typeof magnitudeCorrelation>): Finding {
  if (correlation === null) return { topic: "Importance depends on magnitude and angle" };
  const { rank, modules } = correlation;
  const correlated = `rank correlation ${rankText(rank, modules)}`;
  if (!correlates(rank, modules)) return { open: `whether importance rises with magnitude: ${correlated}` };
  return { found: `Importance ${rank > 0 ? "rises" : "falls"} with magnitude: ${correlated}` };
}

function distances(profile: Profile, rows: readonly Row[]): string[] {
  const within = MODULES.flatMap((kind) => {
    const found = magnitudeCorrelation(profile, [kind]);
    return found === null ? [] : [`${rankText(found.rank, found.modules)} within ${KIND_NAMES[kind]}`];
  });
  const ratios = rows.map(({ importance, orthogonal_importance }) => importance / orthogonal_importance);
  const middle = median(ratios);
  if (middle === null) return ["No module was measured."];
  const near = ratios.filter((ratio) => Math.abs(ratio - 1) <= 0.1).length;
  return [
    ...within.length ? [`Rank correlation of importance with magnitude: ${within.join(", ")}.`] : [],
    reading`${near} of ${ratios.length} modules lie within 10 % of the curve; the median module is at
      ${formatFixed(middle, 2)} times the curve’s value.`,
    "Updates off the curve point along the stream (below) or against it (above), or vary widely in size",
    "between tokens.",
  ];
}

/** Layer numbers are placed beside dots with room for one: those with rings first, then the outermost. */
function chart(rows: readonly Row[], profile: Profile): Panel {
  const domain = logDomain(rows.map(({ relative_magnitude }) => relative_magnitude));
  const curve = Array.from({ length: 101 }, (_, i) => {
    const r = domain[0] * (domain[1] / domain[0]) ** (i / 100);
    return { x: r, y: importanceOf(r, 0) };
  });
  const heights = [...rows.map(({ importance }) => importance), ...curve.map(({ y }) => y)];
  const isRinged = ({ module, layer }: Row) => outsizedIn(profile, module).includes(layer);
  const dots = byKind(rows).map((group) => ({ ...group, width: 0 }));
  const panel = lineChart(dots, "relative_magnitude", "importance", {
    height: 460,
    across: logAxis(domain, "relative magnitude r (log)"),
    up: logAxis(logDomain(heights), "importance (log)"),
    rings: isRinged,
    keyed: true,
    r: 5,
    says: ({ layer, relative_magnitude, importance }, label) =>
      reading`${label}, layer ${layer}: r ${{ measured: relative_magnitude }}, importance ${{
        measured: importance,
      }}`,
  });
  return {
    ...panel,
    series: [{ color: FAINT, points: curve }, ...panel.series!],
    names: [
      { text: "orthogonal update", color: FAINT, at: [85, 75, 65, 50, 35, 20].map((i) => curve[i]) },
      ...rows.toSorted((a, b) => Number(isRinged(b)) - Number(isRinged(a)) || b.importance - a.importance)
        .map(({ module, layer, relative_magnitude: x, importance: y }) => (
          { text: String(layer), color: COLORS[module], at: [{ x, y }], small: true }
        )),
    ],
  };
}
