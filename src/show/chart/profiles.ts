/** One or several profiles in a figure: their names, and a panel for each kind of module, on one scale. */
import { type Check, list, orElse, resultOf } from "../../entry/mod.ts";
import { type ModuleKind, outsizedLayers, planPhrase } from "../../measure/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { logDomain, withZero } from "./draw/axes.ts";
import { lookOf, variantOf } from "./draw/colors.ts";
import type { Panel } from "./draw/panel.ts";
import type { CsvRow } from "./csv.ts";
import { type ByLayer, depthOf, layerChart, layerRows, type Line, profileLines } from "./lines.ts";
import { present } from "./numbers.ts";
import { KIND_NAMES, OUTSIZED_NOTE, settingOf } from "./setting.ts";

/** One profile, or several on one scale. */
export type Profiles = Profile | readonly Profile[];

/** The check of a figure that takes them. */
export const ofProfiles: Readonly<Record<string, Check>> = {
  profile: orElse(Array.isArray, list(resultOf("profile"), "profiles", 1), resultOf("profile")),
};

/** As a list. */
export function listOf(profiles: Profiles): readonly Profile[] {
  return [profiles].flat();
}

/** Their settings, each once. */
export function settingsOfProfiles(profiles: Profiles): string {
  return [...new Set(listOf(profiles).map(({ provenance }) => settingOf(provenance)))].join("; ");
}

const FACTS: readonly ((profile: Profile) => string)[] = [
  ({ provenance: { model } }) => model.name,
  ({ provenance: { model } }) => model.format,
  ({ provenance: { text } }) => text.name,
  ({ provenance: { drop } }) => planPhrase(drop),
];

/** What tells profiles apart: model, weight format, text, what is dropped, several of these, or else their places in the list. */
export function namesOf(profiles: readonly Profile[]): string[] {
  const distinct = (names: readonly string[]) => new Set(names).size === profiles.length;
  const facts = FACTS.map((read) => profiles.map(read));
  const one = facts.find(distinct);
  if (one) return one;
  const varying = facts.filter((names) => new Set(names).size > 1);
  const all = profiles.map((_, i) => varying.map((names) => names[i]).join(", "));
  return distinct(all) ? all : profiles.map((_, i) => ["first", "second", "third"][i] ?? `number ${i + 1}`);
}

/** A measure by layer, with its standard errors. */
export interface Measure {
  readonly values: ByLayer;
  readonly errors: ByLayer;
  readonly ringed?: readonly number[];
}

/** What is drawn of a profile's modules of one kind. */
export type Read<Kind extends ModuleKind> = (profile: Profile, kind: Kind) => Measure;

/** Importance, the measure that most figures draw. */
export function importanceIn(profile: Profile, kind: ModuleKind): Measure {
  return {
    values: profile[kind].importance,
    errors: profile[kind].standardError,
    ringed: outsizedLayers(profile[kind].largestRelativeMagnitude),
  };
}

/** How a caption explains the rings; nothing where no module of the kinds has one. */
export function outsizedText(profiles: readonly Profile[], kinds: readonly ModuleKind[]): string {
  const any = profiles.some((profile) =>
    kinds.some((kind) => outsizedLayers(profile[kind].largestRelativeMagnitude).length > 0)
  );
  return any ? ` Rings: ${OUTSIZED_NOTE}.` : "";
}

/** One kind of module in several profiles. */
interface KindLines {
  readonly kind: ModuleKind;
  readonly lines: readonly Line[];
}

/** Lines of each kind, a line for each profile; a kind that no profile has is left out. */
export function linesByKind<Kind extends ModuleKind>(
  profiles: readonly Profile[],
  kinds: readonly Kind[],
  read: Read<Kind>,
): KindLines[] {
  const names = namesOf(profiles);
  return kinds.map((kind) => ({
    kind,
    lines: profiles.map((profile, i) => (
      { label: names[i], ...lookOf(kind), ...variantOf(i), ...read(profile, kind) }
    )),
  })).filter(({ lines }) => lines.some(({ values }) => present(values).length > 0));
}

/** A panel for each kind, on one scale. */
export function kindPanels(
  kinds: readonly KindLines[],
  { label, log }: { readonly label: string; readonly log: boolean },
): Panel[] {
  const all = kinds.flatMap(({ lines }) => lines);
  const ends = all.flatMap(({ values, errors }) =>
    values.flatMap((value, i) => value === null ? [] : [value - (errors[i] ?? 0), value + (errors[i] ?? 0)])
  );
  const domain = log ? logDomain(all.flatMap(({ values }) => present(values))) : withZero(ends);
  return kinds.map(({ kind, lines }) => layerChart(lines, { label, log, height: 290, domain, kind }));
}

/** The numbers of several profiles; with the relative depth, over which models of different depth are drawn. */
export function kindRows(kinds: readonly KindLines[], value: string): CsvRow[] {
  return kinds.flatMap(({ kind, lines }) => {
    const sizes = lines.map(({ values }) => values.length);
    const relative = new Set(sizes).size > 1;
    return layerRows(lines, { series: "profile", value }).map((row) => ({
      module: KIND_NAMES[kind],
      ...row,
      ...relative ? { relative_depth: depthOf(row.layer as number, sizeOf(lines, row.profile)) } : {},
    }));
  });
}

const sizeOf = (lines: readonly Line[], name: CsvRow[string]) =>
  lines.find(({ label }) => label === name)!.values.length;

/** One profile as a panel with a line for each kind; several as a panel for each kind. */
export function profileParts<Kind extends ModuleKind>(
  given: Profiles,
  kinds: readonly Kind[],
  { read, label, value, log }: {
    readonly read: Read<Kind>;
    /** Of the axis. */
    readonly label: string;
    /** The column of the numbers. */
    readonly value: string;
    readonly log: boolean;
  },
) {
  const profiles = listOf(given);
  const setting = settingsOfProfiles(given);
  if (profiles.length > 1) {
    const several = linesByKind(profiles, kinds, read);
    return { setting, panels: kindPanels(several, { label, log }), rows: kindRows(several, value) };
  }
  const lines = profileLines(profiles[0], kinds, read);
  return {
    setting,
    panels: [layerChart(lines, { label, log })],
    rows: layerRows(lines, { series: "module", value }),
  };
}

/** One text of several profiles: of each, behind its name where there are several. */
export function eachOf(
  profiles: readonly Profile[],
  text: (profile: Profile, name: string | null) => string,
  between = ", ",
): string {
  const names = namesOf(profiles);
  return profiles.map((profile, i) => text(profile, profiles.length > 1 ? names[i] : null)).join(between);
}

/** How a caption explains several profiles; nothing for one. */
export function severalText(profiles: readonly Profile[]): string {
  if (profiles.length === 1) return "";
  const depths = new Set(profiles.map(({ provenance }) => provenance.model.layers));
  return depths.size > 1
    ? " A panel for each kind of module; relative depth is 0 at the first layer and 1 at the last."
    : " A panel for each kind of module.";
}
