/** Why modules are redundant, as a section: one model in full, others for comparison, claims C2, C5, C6 and C7. */
import type { Causes } from "../../result/mod.ts";
import {
  attentionMapFigure,
  causesFigure,
  effectsFigure,
  smoothingFigure,
  updateNormsFigure,
} from "../figures/mod.ts";
import { causeClaims } from "../claims/causes.ts";
import { correlationRows } from "../tables/causes.ts";
import type { Section } from "./section.ts";
import { settingsOf } from "../chart/setting.ts";

/** Combines the study of the model that the claims are about with studies of others. */
export function causesSection(result: Causes, others: readonly Causes[] = []): Section {
  const all = [result, ...others];
  const [head, ...rows] = correlationRows(result);
  return {
    name: "causes",
    title: "Causes: why modules are redundant",
    setting: settingsOf(all.map(({ provenance }) => provenance)),
    claims: causeClaims([result]),
    figures: [
      causesFigure(all),
      attentionMapFigure(result),
      smoothingFigure(result),
      ...result.effects ? [effectsFigure(result)] : [],
      updateNormsFigure(all),
    ],
    tables: [{
      title: `Rank correlation with importance over the layers of ${result.provenance.model.name}`,
      head,
      rows,
    }],
  };
}
