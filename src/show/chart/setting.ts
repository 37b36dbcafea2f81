/** Names in words: the setting of a figure or a table (model, weight format, text, packing, arithmetic), modules and orders. */
import {
  type ModuleKind,
  MODULES,
  OUTSIZED,
  planText,
  rankModules,
  type RepairName,
} from "../../measure/mod.ts";
import {
  type Computed,
  type GuideName,
  GUIDES,
  PAPER_SCORE,
  type Plan,
  type Profile,
  type Provenance,
  SCORES,
  type Sweep,
} from "../../result/mod.ts";
import { plain } from "../../entry/mod.ts";
import { lookOf } from "./draw/colors.ts";
import type { KeyEntry } from "./draw/key.ts";

/** The printed name of each kind. */
export const KIND_NAMES = {
  attention: "attention",
  mlp: "MLP",
  block: "block",
  joint: "joint",
  consecutive: "consecutive",
} as const;

/** What an outsized module is, below tables and figures. */
export const OUTSIZED_NOTE =
  `an update more than ${OUTSIZED} times as long as the stream at some token, which a mean over tokens hides: the model may fail without it`;

/** The key of small panels, which have no room for labels at the ends of lines. */
export const MODULE_KEY: readonly KeyEntry[] = MODULES.map((kind) => (
  { label: KIND_NAMES[kind], ...lookOf(kind) }
));

/** One line: "SmolLM2-135M (GGUF Q4_1) · 8 × 512 tokens of stories · float32, cpu". */
export function settingOf(provenance: Provenance): string {
  return partsOf([provenance]).join(" · ");
}

/** The same for several models: their names, then every drop, text and size that one of them was measured with. */
export function settingsOf(all: readonly Provenance[]): string {
  return partsOf(all).join(" · ").replaceAll(/ × /g, "\u00a0×\u00a0"); // a size stays on one line
}

function partsOf(all: readonly Provenance[]): string[] {
  const distinct = (read: (provenance: Provenance) => string) => [...new Set(all.map(read))];
  const drops = distinct(({ drop }) => planText(drop)).filter((drop) => drop !== "nothing");
  return [
    distinct(({ model }) => modelOf(model)).join(", "),
    ...drops.length ? [`without ${drops.join(", or ")}`] : [],
    ...distinct(changedText).filter((changed) => changed !== ""),
    distinct(packedOf).join(", and "),
    computedText(...all),
  ];
}

/** Values that a function changed during a run: "a, mixed changed by a function in layers 3, 5"; empty where no function could. */
export function changedText({ changed }: Provenance): string {
  if (!changed) return "";
  const { values, layers } = changed;
  if (layers.length === 0) return "nothing changed by a function";
  return `${values.join(", ")} changed by a function in layer${layers.length > 1 ? "s" : ""} ${
    layers.join(", ")
  }`;
}

function packedOf({ packing, text }: Provenance): string {
  const bos = packing.bos ? ", each after BOS" : "";
  const beyond = packing.trained === undefined ? "" : `, longer than the ${packing.trained} of its training`;
  return `${packing.samples} × ${packing.length} tokens of ${textOf(text)}${bos}${beyond}`;
}

/** The arithmetic, engine and device behind the numbers: "float32, cpu", "tf32, cuda on NVIDIA H100 80GB HBM3"; each different one. */
export function computedText(...all: readonly Computed[]): string {
  const texts = all.map(({ dtype, engine, device }) =>
    `${dtype}, ${engine}${device === undefined ? "" : ` on ${plain(device)}`}`
  );
  return [...new Set(texts)].join(" and ");
}

/** A model with its weight format: "SmolLM2-135M (GGUF Q4_1)". */
export function modelOf({ name, format }: Provenance["model"]): string {
  return plain(`${name} (${format})`);
}

/** A text by its name; one from a file goes without. */
export function textOf({ name }: Provenance["text"]): string {
  return name === "file" ? "a text file" : plain(name);
}

/** A module with its importance. */
export interface RankedModule {
  readonly module: ModuleKind;
  readonly layer: number;
  readonly score: number;
}

/** Modules of the kinds by importance, most redundant first; ties go to the deeper one. */
export function byImportance(profile: Profile, ...kinds: ModuleKind[]): RankedModule[] {
  return rankModules(kinds, (kind) => profile[kind].importance);
}

type Drawn = Pick<Plan, "target" | "by"> & { readonly repair?: Repair | undefined };
type Repair = Sweep["curves"][number]["repair"];

/** Whether an order is by importance, the score of the paper: titles and claims are about it. */
export function isByImportance({ by }: Pick<Plan, "by">): boolean {
  return by === PAPER_SCORE;
}

/** Whether an order is random, so that each seed gives another. */
export function isSeeded({ by }: Pick<Plan, "by">): boolean {
  return SCORES[by].seeded ?? false;
}

/** A curve in labels: "attention" by importance, "attention, greedy" by another score, "attention, repaired: linear". */
export function curveName({ target, by, repair }: Drawn): string {
  const order = isByImportance({ by }) ? [] : [by];
  return [KIND_NAMES[target], ...order, ...repair ? [repairName(repair)] : []].join(", ");
}

/** The same at the end of a line, whose colour says which modules are repaired. */
export function endName({ target, by, repair }: Drawn): string {
  if (!repair) return curveName({ target, by });
  return [...isByImportance({ by }) ? [] : [by], repairName(repair)].join(", ");
}

/** A repair in labels: "repaired: linear". */
export function repairName({ by }: NonNullable<Repair>): string {
  return `repaired: ${by}`;
}

/** What a sweep's repairs come from: " · repairs fitted in sequence on 24 × 512 tokens of stories"; empty without repairs. */
export function repairsText({ repaired, curves }: Pick<Sweep, "repaired" | "curves">): string {
  if (!repaired) return "";
  const how = curves.some(({ repair }) => repair?.sequential) ? "in sequence " : "";
  return ` · repairs fitted ${how}on ${packedOf(repaired)}`;
}

/** Dashes of the repairs, behind those of an order. */
const REPAIR_DASHES: Readonly<Record<RepairName, string>> = {
  mean: "2 7",
  gain: "2 7 6 7",
  merge: "6 4 2 4 2 4",
  refit: "12 4 2 4",
  linear: "12 5",
  nbl: "12 5 6 5",
  replaceme: "6 4 2 4",
  linearpatch: "12 5 2 5",
  "prune-comp": "2 7 2 4",
};

/** The dash pattern of a curve; none by importance, where nothing is repaired. */
export function dashOf({ by, repair }: Pick<Drawn, "by" | "repair">): string | undefined {
  const dashes = [SCORES[by].dash, repair && REPAIR_DASHES[repair.by]].filter((dash) => dash !== undefined);
  return dashes.length > 0 ? dashes.join(" ") : undefined;
}

/** An order in headings: "greedy", "random, seed 3". */
export function orderName({ by, seed }: Pick<Plan, "by" | "seed">): string {
  return isSeeded({ by }) ? `${by}, seed ${seed}` : by;
}

/** The width of a curve's line: importance stands out. */
export function widthOf({ by, repair }: Pick<Drawn, "by" | "repair">): number {
  return isByImportance({ by }) && !repair ? 2.5 : 1.5;
}

/** A guide in tables and figures. */
export function guideTitle(name: GuideName): string {
  return SCORES[GUIDES[name]].title ?? name;
}
