/** A profile: modules by importance, with their standard error, magnitude and sign; mixers and experts where layers differ in them. */
import { byImportance, distinct } from "./signs.ts";
import type { Mixtures, Profile } from "./result.ts";
import {
  counted,
  formatNumber,
  formatShare,
  KIND_NAMES,
  OUTSIZED_NOTE,
  settingOf,
} from "core/show/words/mod.ts";
import { KINDS, mean, type ModuleKind, outsizedLayers, standardError } from "core/measure/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import {
  byLayer,
  type Column,
  fixed,
  LAYER,
  layersOf,
  lines,
  moduleRecords,
  originOf,
  STREAM_NOTE,
  type Table,
  tableOf,
} from "core/show/tables/table.ts";
import type { TableLook } from "core/show/looks.ts";

const MARK = "!";

const SYMBOLS = { attention: "|a|/|x|", mlp: "|m|/|X|", block: "|a+m|/|x|" } as const;

/** The columns of one kind of module; rows are layers. */
function columnsOf(profile: Profile, kind: ModuleKind): Column<number>[] {
  const own = profile[kind];
  const isMixed = kind === "attention" && profile.mixers !== undefined;
  const mixerOf = (layer: number) => MIXERS[profile.mixers?.[layer] ?? "none"];
  return [
    LAYER,
    byLayer(own.importance, { key: "importance", title: "importance", digits: 3 }),
    byLayer(own.standardError, { key: "standard_error", title: "± s.e.", digits: 2 }),
    byLayer(own.relativeMagnitude, { key: "relative_magnitude", title: SYMBOLS[kind], digits: 3 }),
    byLayer(own.largestRelativeMagnitude, {
      key: "largest_relative_magnitude",
      title: "largest",
      format: formatNumber,
    }),
    byLayer(own.shareAbove2, { key: "share_above_2" }),
    byLayer(own.sign, { key: "sign", title: "sign", format: fixed(3) }),
    byLayer(errorsOf(profile, kind, "magnitude"), { key: "relative_magnitude_error" }),
    byLayer(errorsOf(profile, kind, "sign"), { key: "sign_error" }),
    ...Object.entries(own.directions).map(([key, values]) => byLayer(values, { key })),
    byLayer(errorsOf(profile, kind, "along"), { key: "along_error" }),
    ...isMixed ? [{ title: "mixer", value: mixerOf }] : [],
  ];
}

/** Standard errors, over the samples, of one of a profile's means; by layer [L]. */
function errorsOf(profile: Profile, kind: ModuleKind, sum: "magnitude" | "sign" | "along") {
  return profile.sums[kind].map((samples) =>
    samples &&
    standardError(samples.filter(({ counted }) => counted > 0).map((sample) => sample[sum] / sample.counted))
  );
}

/** Modules, most redundant first for each kind, under a sparkline by layer. */
export function profileTables(profile: Profile, look: TableLook = {}): Table[] {
  const { skippedTokens, provenance, mixtures } = profile;
  const { lowest = Infinity, more, ties, utf8 } = look;
  const byMixer = mixersText(profile);
  return [
    lines(settingOf(provenance)),
    ...utf8 ? [lines(undefined, "importance by layer, log scale", ...sparklines(profile))] : [],
    ...KINDS.flatMap((kind) => rankedTable(profile, kind, look)),
    ...mixtures ? [mixtureTable(mixtures)] : [],
    lines(
      undefined,
      ...byMixer === null ? [] : [byMixer],
      "importance is 1 − cos(before, after), sign is cos(before, update); both are means over tokens",
      STREAM_NOTE,
      ...more && lowest < provenance.model.layers ? [more] : [],
      ...outsizedLines(profile),
      ...ties ? ["~ the samples cannot separate this rank from the next"] : [],
      ...skippedTokens
        ? [
          `${skippedTokens} tokens have a stream of length 0, which has no direction, and are left out of some means`,
        ]
        : [],
    ),
  ];
}

function rankedTable(profile: Profile, kind: ModuleKind, { lowest = Infinity, ties }: TableLook): Table[] {
  const all = byImportance(profile, kind);
  const ranked = all.slice(0, lowest).map(({ layer }) => layer);
  if (ranked.length === 0) return [];
  const outsized = outsizedIn(profile, kind);
  const width = ranked.some((layer) => outsized.includes(layer)) ? 2 : 1;
  const rank = (layer: number) => {
    const i = ranked.indexOf(layer);
    const marks = [
      all[i + 1] && ties && !distinct(profile, [all[i], all[i + 1]]) ? "~" : "",
      outsized.includes(layer) ? MARK : "",
    ];
    return `${i + 1}${marks.join("").padEnd(width)}`;
  };
  const part = ranked.length < all.length ? `, ${ranked.length} of ${all.length}` : "";
  return [{
    title: `${KIND_NAMES[kind]}, most redundant first${part}`,
    ...tableOf(ranked, [{ title: "rank".padEnd(4 + width), value: rank }, ...columnsOf(profile, kind)]),
  }];
}

export function profileRows(profile: Profile): CsvRow[] {
  const rows = layersOf(profile.streamNorm);
  return moduleRecords(
    KINDS,
    originOf(profile.provenance),
    (kind) => ({ rows, columns: columnsOf(profile, kind) }),
  );
}

/** Modules of each kind beside each other, for a page. */
export function rankingTable(profile: Profile, most: number): Table {
  const orders = KINDS.map((kind) => ({ kind, ranked: byImportance(profile, kind) }));
  const length = Math.min(most, Math.max(...orders.map(({ ranked }) => ranked.length)));
  const columns = orders.map(({ kind, ranked }): Column<number> => ({
    title: KIND_NAMES[kind],
    value(i) {
      if (!ranked[i]) return null;
      const { layer, score } = ranked[i];
      return `${layer}${outsizedIn(profile, kind).includes(layer) ? MARK : ""} (${formatNumber(score)})`;
    },
  }));
  return {
    title: "The most redundant modules: layer (importance)",
    ...tableOf([...Array(length).keys()], [{ title: "rank", value: (i) => i + 1 }, ...columns]),
    notes: outsizedLines(profile),
  };
}

export const outsizedIn = (profile: Profile, kind: ModuleKind): number[] =>
  outsizedLayers(profile[kind].largestRelativeMagnitude);

/** "! MLP 0, 11; block 0, 11: an update more than 2 times …"; nothing without one. */
function outsizedLines(profile: Profile): string[] {
  const modules = KINDS.flatMap((kind) => {
    const layers = outsizedIn(profile, kind);
    return layers.length > 0 ? [`${KIND_NAMES[kind]} ${layers.join(", ")}`] : [];
  });
  return modules.length > 0 ? [`${MARK} ${modules.join("; ")}: ${OUTSIZED_NOTE}`] : [];
}

/** Bars of a logarithmic scale from the lowest to the highest value, "·" for a missing value: "█▆▂▁▁·▁". */
export function sparkline(values: readonly (number | null)[]): string {
  const logs = values.map((value) => value !== null && value > 0 ? Math.log(value) : null);
  const known = logs.filter((log) => log !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return logs.map((log) =>
    log === null ? "·" : "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor((log - low) / (high - low || 1) * 8))]
  ).join("");
}

function sparklines(profile: Profile): string[] {
  return KINDS.flatMap((kind) => {
    const values = profile[kind].importance;
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return [];
    const range = `${formatNumber(Math.min(...known))} … ${formatNumber(Math.max(...known))}`;
    return [`${KIND_NAMES[kind].padEnd(9)}  ${sparkline(values)}  ${range}`];
  });
}

const MIXERS = { full: "full attention", linear: "linear attention", none: "" };

/** Kind, number of layers and mean importance; no row where all layers are alike. Dropped layers are left out. */
export function mixerTable({ mixers, attention }: Profile): Table {
  const kinds = (["full", "linear"] as const).flatMap((kind) => {
    const own = attention.importance.filter((value, l) => value !== null && mixers?.[l] === kind) as number[];
    return own.length === 0 ? [] : [{ kind, own }];
  });
  const table = tableOf(kinds, [
    { title: "mixer", value: ({ kind }) => MIXERS[kind], align: "left" },
    { title: "layers", value: ({ own }) => own.length },
    { title: "mean importance", value: ({ own }) => mean(own), format: fixed(3) },
  ]);
  return { title: "Importance of attention by kind of mixer", ...table };
}

/** "mean importance by mixer: full attention 0.120 (6 layers), linear attention 0.080 (18 layers)"; null where all are alike. */
function mixersText(profile: Profile): string | null {
  const parts = mixerTable(profile).rows.map(([kind, layers, importance]) =>
    `${kind} ${importance} (${counted(Number(layers), "layer")})`
  );
  return parts.length > 0 ? `mean importance by mixer: ${parts.join(", ")}` : null;
}

/** A row for each layer that has a mixture. */
export function mixtureTable({ load, entropy, unused }: Mixtures): Table {
  const routed = load.flatMap((shares, layer) => shares ? [layer] : []);
  const columns: Column<number>[] = [
    LAYER,
    { title: "experts", value: (l) => load[l]!.length },
    { title: "busiest", value: (l) => Math.max(...load[l]!), format: formatShare },
    { title: "least busy", value: (l) => Math.min(...load[l]!), format: formatShare },
    byLayer(unused, { title: "unused", format: formatShare }),
    byLayer(entropy, { title: "entropy (nats)", format: fixed(3) }),
    {
      title: "entropy / ln(experts)",
      value: (l) => load[l]!.length > 1 ? entropy[l]! / Math.log(load[l]!.length) : null,
      format: formatShare,
    },
  ];
  return { title: "Mixtures: how experts are used", ...tableOf(routed, columns) };
}
