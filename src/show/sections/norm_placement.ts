/** Models with different norm placements as a section: what dropping costs each (claim C8). */
import { fileName, type Sweep } from "../../result/mod.ts";
import { comparedAt, groupsOf, meanOf } from "../chart/curves.ts";
import { formatFixed } from "../chart/numbers.ts";
import { settingsOf } from "../chart/setting.ts";
import { generalityClaim } from "../claims/generality.ts";
import { qualityFigure } from "../figures/mod.ts";
import type { Section } from "./section.ts";

/** Combines sweeps of several models. Throws `RangeError` where there is none, or no number of drops to compare them at. */
export function normPlacementSection(sweeps: readonly Sweep[]): Section {
  const least = Math.min(...sweeps.map(({ provenance }) => provenance.model.layers));
  const compared = sweeps.length ? comparedAt(groupsOf(sweeps[0]), least) : null;
  if (!compared) throw new RangeError("Cannot compare norm placements: found no number of drops in common");
  const { dropped } = compared;
  return {
    name: "norm-placement",
    title: "Norm placement: whether the method carries over",
    setting: settingsOf(sweeps.map(({ provenance }) => provenance)),
    claims: [generalityClaim(sweeps, dropped)],
    figures: sweeps.map((sweep) => {
      const figure = qualityFigure(sweep);
      return { ...figure, name: `quality_${fileName(sweep.provenance.model.name)}` };
    }),
    tables: [{
      title: `Nats per token lost with ${dropped} modules dropped`,
      head: ["model", ...groupsOf(sweeps[0]).map(({ label }) => label)],
      rows: sweeps.map((sweep) => [
        sweep.provenance.model.name,
        ...groupsOf(sweep).map(({ points }) => {
          const at = points.find((point) => point.dropped === dropped);
          return at ? formatFixed(meanOf(at.values, ({ rise }) => rise), 3) : "–";
        }),
      ]),
    }],
  };
}
