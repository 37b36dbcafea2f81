/** The setting of a figure or a table, in words: model, weight format, text, packing, arithmetic. */
import type { Profile, Provenance } from "../../result/mod.ts";
import { plain } from "../plain.ts";

/** The kinds of module that a profile measures. */
export type ModuleKind = "attention" | "mlp" | "block";
export const KINDS: readonly ModuleKind[] = ["attention", "mlp", "block"];

/** What each kind is called in print. */
export const KIND_NAMES = {
  attention: "attention",
  mlp: "MLP",
  block: "block",
  joint: "joint",
  consecutive: "consecutive",
} as const;

/** One line: "SmolLM2-135M (GGUF Q4_1) · 8 × 512 tokens of stories · float32, cpu". */
export function settingOf({ model, packing, text, dtype, engine, drop }: Provenance): string {
  const bos = packing.bos ? ", each after BOS" : "";
  return [
    modelOf(model),
    ...describeDrop(drop) === "nothing" ? [] : [`without ${describeDrop(drop)}`],
    `${packing.samples} × ${packing.length} tokens of ${textOf(text)}${bos}`,
    `${dtype}, ${engine}`,
  ].join(" · ");
}

/** The same for several models measured on texts of one size: their names, then what they share. */
export function settingsOf(all: readonly Provenance[]): string {
  const names = [...new Set(all.map(({ model }) => modelOf(model)))];
  const [, ...rest] = settingOf(all[0]).split(" · ");
  // A size stays on one line.
  return [names.join(", "), ...rest].join(" · ").replaceAll(/ × /g, "\u00a0×\u00a0");
}

/** A drop in words: "nothing", "attention 25 26", "block 3", "attention 1 2 · MLP 4". */
export function describeDrop(
  { attention, mlp }: { readonly attention: readonly number[]; readonly mlp: readonly number[] },
): string {
  const list = (layers: readonly number[]) => layers.join(" ");
  const same = attention.length === mlp.length && attention.every((layer) => mlp.includes(layer));
  if (attention.length + mlp.length === 0) return "nothing";
  if (same) return `block ${list(attention)}`;
  return [
    ...attention.length ? [`attention ${list(attention)}`] : [],
    ...mlp.length ? [`MLP ${list(mlp)}`] : [],
  ].join(" · ");
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
