/**
 * Importance against relative magnitude (paper, claim C9: cosine similarity captures magnitude implicitly).
 *
 * cos(X, X + u) = (1 + r s) / √(1 + r² + 2 r s) with r = |u| / |X| and s = cos(u, X). For s = 0, an update orthogonal to the
 * stream, importance is 1 − 1/√(1 + r²): magnitude alone. To first order in s the angle adds −s r³/(1 + r²)^(3/2), for a small
 * update a fraction −2 s r of its importance: updates along the stream lie below the curve, those against it above. Both axes
 * are means over tokens, so a size that varies between tokens also moves a dot.
 */
import {
  correlates,
  importanceOf,
  type LayerModule,
  MODULES,
  outsizedLayers,
  spearman,
} from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { logAxis, logDomain } from "../../chart/draw/axes.ts";
import { COLORS, FAINT, lookOf } from "../../chart/draw/colors.ts";
import { formatFixed, formatNumber, median, rankText } from "../../chart/numbers.ts";
import { type Panel, RING } from "../../chart/draw/panel.ts";
import { outsizedText } from "../../chart/profiles.ts";
import { KIND_NAMES, MODULE_KEY } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/** Spearman's correlation of importance with relative magnitude over some modules; null where it is undefined. */
export function magnitudeCorrelation(
  profile: Profile,
  kinds: readonly LayerModule[] = MODULES,
): { readonly rank: number; readonly modules: number } | null {
  const modules = modulesOf(profile).filter(({ kind }) => kinds.includes(kind));
  const rank = spearman(
    modules.map(({ magnitude }) => magnitude),
    modules.map(({ importance }) => importance),
  );
  return modules.length > 2 && Number.isFinite(rank) ? { rank, modules: modules.length } : null;
}

/** A module with its numbers. */
type Module = ReturnType<typeof modulesOf>[number];

/**
 * Draws how much of importance is magnitude, and how much is angle.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { cosineMagnitudeFigure } from "lamina/figures";
 *
 * const result = await profile("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = cosineMagnitudeFigure(result);
 * ```
 */
export const cosineMagnitudeFigure: Draw<[Profile]> = figure(
  "cosine_magnitude",
  "profile",
  (profile) => {
    const modules = modulesOf(profile);
    return {
      title: titleOf(magnitudeCorrelation(profile)),
      subtitle:
        `One mark per module, numbered by layer where space allows. The curve, 1 − 1/√(1 + r²), shows updates ` +
        "orthogonal to the stream: their importance depends on magnitude alone." +
        outsizedText([profile], MODULES),
      reading: readingOf(profile, modules),
      key: MODULE_KEY,
      panels: [chart(modules, profile)],
      rows: modules.map(({ kind, layer, magnitude, importance }) => ({
        module: KIND_NAMES[kind],
        layer,
        relative_magnitude: magnitude,
        importance,
        orthogonal_importance: importanceOf(magnitude, 0),
      })),
    };
  },
);

/** A direction only where the interval of the correlation over all modules excludes 0. */
function titleOf(correlation: ReturnType<typeof magnitudeCorrelation>): string {
  if (correlation === null) return "Importance depends on magnitude and angle";
  const { rank, modules } = correlation;
  const correlated = `rank correlation ${rankText(rank, modules)}`;
  if (!correlates(rank, modules)) return `Cannot tell whether importance rises with magnitude: ${correlated}`;
  return `Importance ${rank > 0 ? "rises" : "falls"} with magnitude: ${correlated}`;
}

function readingOf(profile: Profile, modules: readonly Module[]): string {
  const within = MODULES.flatMap((kind) => {
    const found = magnitudeCorrelation(profile, [kind]);
    return found === null ? [] : [`${rankText(found.rank, found.modules)} within ${KIND_NAMES[kind]}`];
  });
  const ratios = modules.map(({ importance, magnitude }) => importance / importanceOf(magnitude, 0));
  const middle = median(ratios);
  if (middle === null) return "No module was measured.";
  const near = ratios.filter((ratio) => Math.abs(ratio - 1) <= 0.1).length;
  return [
    ...within.length ? [`Rank correlation of importance with magnitude: ${within.join(", ")}.`] : [],
    `${near} of ${ratios.length} modules lie within 10 % of the curve; the median module is at ${
      formatFixed(middle, 2)
    } times the curve’s value.`,
    "Updates off the curve point along the stream (below) or against it (above), or vary widely in size " +
    "between tokens.",
  ].join(" ");
}

function modulesOf(profile: Profile) {
  return MODULES.flatMap((kind) =>
    profile[kind].importance.flatMap((importance, layer) => {
      const magnitude = profile[kind].relativeMagnitude[layer];
      return importance && magnitude && importance > 0 ? [{ kind, layer, magnitude, importance }] : [];
    })
  );
}

/** Layer numbers are placed beside dots with room for one, the outermost first. */
function chart(modules: readonly Module[], profile: Profile): Panel {
  const domain = logDomain(modules.map(({ magnitude }) => magnitude));
  const curve = Array.from({ length: 101 }, (_, i) => {
    const r = domain[0] * (domain[1] / domain[0]) ** (i / 100);
    return { x: r, y: importanceOf(r, 0) };
  });
  const heights = [...modules.map(({ importance }) => importance), ...curve.map(({ y }) => y)];
  return {
    height: 460,
    x: logAxis(domain, "relative magnitude r (log)"),
    y: logAxis(logDomain(heights), "importance (log)"),
    series: [
      { color: FAINT, points: curve },
      ...MODULES.map((kind) => {
        const layers = outsizedLayers(profile[kind].largestRelativeMagnitude);
        const ringed = modules.filter((module) => module.kind === kind && layers.includes(module.layer));
        const points = ringed.map(({ magnitude, importance }) => ({ x: magnitude, y: importance }));
        return { color: COLORS[kind], points, ...RING, r: 10 };
      }),
      ...MODULES.map((kind) => ({
        ...lookOf(kind),
        points: modules.filter((module) => module.kind === kind).map(({ layer, magnitude, importance }) => ({
          x: magnitude,
          y: importance,
          says: `${KIND_NAMES[kind]}, layer ${layer}: r ${formatNumber(magnitude)}, importance ` +
            formatNumber(importance),
        })),
        width: 0,
        r: 5,
        opacity: 0.8,
      })),
    ],
    names: [
      { text: "orthogonal update", color: FAINT, at: [85, 75, 65, 50, 35, 20].map((i) => curve[i]) },
      ...modules.toSorted((a, b) => b.importance - a.importance).map((
        { kind, layer, magnitude, importance },
      ) => ({
        text: String(layer),
        color: COLORS[kind],
        at: [{ x: magnitude, y: importance }],
        small: true,
      })),
    ],
  };
}
