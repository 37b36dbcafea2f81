/** The setting of a figure or a table, in words: model, weight format, text, packing, arithmetic. */
import { type ModuleKind, MODULES } from "../../measure/mod.ts";
import {
  type Change,
  type Computed,
  type DropPlan,
  isFull,
  type Profile,
  type Provenance,
} from "../../result/mod.ts";
import { plain } from "../../entry/mod.ts";

/** What each kind is called in print. */
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
  const drops = distinct(({ drop }) => describeDrop(drop)).filter((drop) => drop !== "nothing");
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

/** What computed numbers: "float32, cpu", "tf32, cuda on NVIDIA H100 80GB HBM3"; all that differ. */
export function computedText(...all: readonly Computed[]): string {
  const texts = all.map(({ dtype, engine, device }) =>
    `${dtype}, ${engine}${device === undefined ? "" : ` on ${plain(device)}`}`
  );
  return [...new Set(texts)].join(" and ");
}

/** A plan in words: "nothing", "attention 25 26", "block 3", "attention 1 2 · MLP 4", "attention 5 6 (mean)". */
export function describeDrop(plan: DropPlan): string {
  const { attention, mlp } = plan;
  const list = (layers: readonly number[]) => layers.join(" ");
  const same = attention.length === mlp.length && attention.every((layer) => mlp.includes(layer));
  if (isFull(plan)) return "nothing";
  const dropped = same && attention.length > 0 ? [`block ${list(attention)}`] : [
    ...attention.length ? [`attention ${list(attention)}`] : [],
    ...mlp.length ? [`MLP ${list(mlp)}`] : [],
  ];
  return [...dropped, ...describeChanges(plan)].join(" · ");
}

/** Changes other than drops, each kind of module once: "attention 5 6 (mean)", "attention 7 heads 0 2". */
export function describeChanges({ changes = [] }: DropPlan): string[] {
  const whole = (module: Change["module"]) => {
    const layers = changes.filter((change) => change.module === module && change.to === "mean")
      .map(({ layer }) => layer);
    return layers.length > 0 ? [`${KIND_NAMES[module]} ${layers.join(" ")} (mean)`] : [];
  };
  const heads = changes.flatMap((change) =>
    change.to === "weights" ? [`attention ${change.layer} heads ${change.heads.join(" ")}`] : []
  );
  return [...MODULES.flatMap(whole), ...heads];
}

/** A model with its weight format: "SmolLM2-135M (GGUF Q4_1)". */
export function modelOf({ name, format }: Provenance["model"]): string {
  return plain(`${name} (${format})`);
}

function textOf({ name }: Provenance["text"]): string {
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
  return kinds.flatMap((module) =>
    profile[module].importance.flatMap((score, layer) => score === null ? [] : [{ module, layer, score }])
  ).sort((a, b) => a.score - b.score || b.layer - a.layer);
}
