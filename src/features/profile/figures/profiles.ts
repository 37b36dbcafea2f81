/** Figures of a column of profiles: one profile with a line for each kind of module, or several on one scale. */
import { type Check, list, orElse, resultOf } from "core/entry/mod.ts";
import { KINDS, type ModuleKind, OUTSIZED } from "core/measure/mod.ts";
import type { Profile } from "../result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import type { Axis } from "core/show/chart/draw/axes.ts";
import { lookOfKind, variantOf } from "core/show/chart/draw/colors.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import { byKind, lineChart, numbersOf, upFrom } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { outsizedIn, profileRows } from "../table.ts";
import { capital, type Finding, KIND_NAMES, OUTSIZED_NOTE, reading, settingOf } from "core/show/words/mod.ts";
import { namesOf } from "core/show/words/names.ts";

type Profiles = Profile | readonly Profile[];

const ofProfiles: Readonly<Record<string, Check>> = {
  profile: orElse(Array.isArray, list(resultOf("profile"), "profiles", 1), resultOf("profile")),
};

/** The depth of a layer: 0 for the first, 1 for the last. */
export const depthOf = (layer: number, layers: number): number => layers > 1 ? layer / (layers - 1) : 0;

/** The axis of depth, for models of different depth. */
const DEPTH: Axis = {
  domain: [-0.02, 1.02],
  ticks: [0, 0.25, 0.5, 0.75, 1],
  format: (depth) => String(depth),
  label: "relative depth",
};

const depthsOf = (profiles: readonly Profile[]) =>
  new Set(profiles.map(({ provenance }) => provenance.model.layers));

/** The horizontal axis of profiles: the layer, or the depth where models differ in theirs. */
const acrossOf = (profiles: readonly Profile[]) =>
  depthsOf(profiles).size > 1 ? ["relative_depth", { across: DEPTH }] as const : ["layer", {}] as const;

/** The rows of each profile, behind its name where there are several, and with the relative depth where they differ in depth. */
function rowsOfEach(profiles: readonly Profile[]): CsvRow[][] {
  if (profiles.length === 1) return profiles.map(profileRows);
  const names = namesOf(profiles);
  const relative = depthsOf(profiles).size > 1;
  return profiles.map((profile, i) =>
    profileRows(profile).map((row) => ({
      profile: names[i],
      ...row,
      ...relative ? { relative_depth: depthOf(row.layer as number, profile.provenance.model.layers) } : {},
    }))
  );
}

/** What is drawn of profiles, and what is said of it. */
interface Looks {
  readonly title: (profiles: readonly Profile[]) => Finding;
  readonly shows: readonly string[];
  /** A sentence about each profile, behind its name where there are several, or about all. */
  readonly reads: ((profile: Profile) => string) | string;
  readonly y: string;
  /** The column of its standard error. */
  readonly error?: string;
  readonly label: string;
  readonly log?: boolean;
  /** Whether outsized modules have rings. */
  readonly rings?: boolean;
  readonly kinds?: readonly ModuleKind[];
}

const isOutsized = ({ largest_relative_magnitude: largest }: CsvRow) => Number(largest) > OUTSIZED;

/** A column of profiles by layer: a line for each kind of module, or of several profiles a panel for each kind, on one scale. */
function profileCharts(
  profiles: readonly Profile[],
  { y, error, label, log = false, rings = false, kinds = KINDS }: Omit<Looks, "title" | "shows" | "reads">,
): Panel[] {
  const channels = { error, rings: rings ? isOutsized : undefined };
  const all = rowsOfEach(profiles)
    .map((rows) => rows.filter(({ module }) => kinds.includes(module as ModuleKind)));
  if (profiles.length === 1) {
    return [lineChart(byKind(all[0]), "layer", y, { ...channels, up: upFrom(label, { log }) })];
  }
  const names = namesOf(profiles);
  const there = all.flat().filter((row) => row[y] !== null);
  const ends = there.flatMap((row) =>
    [-1, 1].map((side) => Number(row[y]) + side * Number(error ? row[error] : 0))
  );
  const up = upFrom(label, { log })(ends, numbersOf(there, y));
  const [x, across] = acrossOf(profiles);
  return kinds.filter((kind) => there.some(({ module }) => module === kind)).map((kind) => {
    const look = lookOfKind(kind);
    const groups = all.map((rows, i) => (
      { label: names[i], rows: rows.filter(({ module }) => module === kind), ...look, ...variantOf(i) }
    ));
    const headings = [{ text: KIND_NAMES[kind], color: look.color }];
    return lineChart(groups, x, y, { height: 290, headings, ...across, ...channels, up });
  });
}

/** How a caption explains the rings; empty where no module of the kinds has one. */
export function ringsText(profiles: readonly Profile[], kinds: readonly ModuleKind[]): string {
  const any = profiles.some((profile) => kinds.some((kind) => outsizedIn(profile, kind).length > 0));
  return any ? `Rings: ${OUTSIZED_NOTE}.` : "";
}

export function profileFigure(name: string, { title, shows, reads, ...channels }: Looks): Draw<[Profiles]> {
  const { rings, kinds = KINDS } = channels;
  return figure<[Profiles]>(name, ofProfiles, (given) => {
    const profiles = [given].flat();
    const [names, several] = [namesOf(profiles), profiles.length > 1];
    return {
      rows: rowsOfEach(profiles).flat(),
      title: title(profiles),
      shows: [
        ...shows,
        rings && ringsText(profiles, kinds),
        several &&
        reading`A panel for each kind of module${
          depthsOf(profiles).size > 1 && "; relative depth is 0 at the first layer and 1 at the last"
        }.`,
      ],
      setting: [...new Set(profiles.map(({ provenance }) => settingOf(provenance)))].join("; "),
      reads: typeof reads === "string"
        ? [reads]
        : profiles.map((one, i) => several ? `${names[i]}: ${reads(one)}` : capital(reads(one))),
      panels: profileCharts(profiles, channels),
    };
  });
}
