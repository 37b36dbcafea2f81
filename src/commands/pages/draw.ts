/** Analyses as sections of a page: computed, or found kept, and drawn. */
import { type Findings, type Section, sections } from "../../show/mod.ts";
import { analyses, type AnalysisName, type AnalysisOptions } from "../../study/mod.ts";

/** The analyses, each finding what its section draws. */
const found: { readonly [Name in AnalysisName]: { run(options: AnalysisOptions): Promise<Findings[Name]> } } =
  analyses;

/** Computes an analysis and draws it. */
export async function draw<Name extends AnalysisName>(
  name: Name,
  options: AnalysisOptions,
): Promise<Section> {
  return sections[name](await found[name].run(options));
}
