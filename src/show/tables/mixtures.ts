/** Layers that differ: what mixes their tokens, and how a mixture's experts are used. */
import { mean } from "../../measure/mod.ts";
import type { Mixtures, Profile } from "../../result/mod.ts";
import { formatShare } from "../chart/numbers.ts";
import { counted } from "../chart/summary.ts";
import { byLayer, type Column, fixed, LAYER, type Table, tableOf } from "./table.ts";

const NAMES = { full: "full attention", linear: "linear attention" };

/** What mixes the tokens of a layer, where some attention is linear; null else. */
export function mixerOf({ mixers }: Profile, layer: number): string | null {
  const mixer = mixers?.[layer];
  return mixer ? NAMES[mixer] : null;
}

/** Kind, number of layers and mean importance; no row where all layers are alike. Dropped layers are left out. */
export function mixerTable({ mixers, attention }: Profile): Table {
  const kinds = (["full", "linear"] as const).flatMap((kind) => {
    const own = attention.importance.filter((value, l) => value !== null && mixers?.[l] === kind) as number[];
    return own.length === 0 ? [] : [{ kind, own }];
  });
  const table = tableOf(kinds, [
    { title: "mixer", value: ({ kind }) => NAMES[kind], align: "left" },
    { title: "layers", value: ({ own }) => own.length },
    { title: "mean importance", value: ({ own }) => mean(own), format: fixed(3) },
  ]);
  return { title: "Importance of attention by kind of mixer", ...table };
}

/** "mean importance by mixer: full attention 0.120 (6 layers), linear attention 0.080 (18 layers)"; null where all are alike. */
export function mixersText(profile: Profile): string | null {
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
      title: "entropy / ln X",
      value: (l) => load[l]!.length > 1 ? entropy[l]! / Math.log(load[l]!.length) : null,
      format: formatShare,
    },
  ];
  return { title: "Mixtures: how experts are used", ...tableOf(routed, columns) };
}
