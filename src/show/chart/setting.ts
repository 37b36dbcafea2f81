/** Names in words: the setting of a figure or a table (model, weight format, text, packing, arithmetic), modules and orders. */
import { type ModuleKind, planText, rankModules } from "../../measure/mod.ts";
import {
  type Computed,
  type GuideName,
  GUIDES,
  PAPER_SCORE,
  type Plan,
  type Profile,
  type Provenance,
  SCORES,
} from "../../result/mod.ts";
import { plain } from "../../entry/mod.ts";

/** The printed name of each kind. */
export const KIND_NAMES = {
  attention: "attention",
  mlp: "MLP",
  block: "block",
  joint: "joint",
  consecutive: "consecutive",
} as const;

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
    distinct(packedOf).join(", and "),
    computedText(...all),
  ];
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

type Drawn = Pick<Plan, "target" | "by">;

/** Whether an order is by importance, the score of the paper: titles and claims are about it. */
export function isByImportance({ by }: Pick<Plan, "by">): boolean {
  return by === PAPER_SCORE;
}

/** Whether an order is random, so that each seed gives another. */
export function isSeeded({ by }: Pick<Plan, "by">): boolean {
  return SCORES[by].seeded ?? false;
}

/** A curve in labels: "attention" by importance, "attention, greedy" by another score. */
export function curveName({ target, by }: Drawn): string {
  return isByImportance({ by }) ? KIND_NAMES[target] : `${KIND_NAMES[target]}, ${by}`;
}

/** An order in headings: "greedy", "random, seed 3". */
export function orderName({ by, seed }: Pick<Plan, "by" | "seed">): string {
  return isSeeded({ by }) ? `${by}, seed ${seed}` : by;
}

/** The width of a curve's line: importance stands out. */
export function widthOf(by: Plan["by"]): number {
  return isByImportance({ by }) ? 2.5 : 1.5;
}

/** A guide in tables and figures. */
export function guideTitle(name: GuideName): string {
  return SCORES[GUIDES[name]].title ?? name;
}
