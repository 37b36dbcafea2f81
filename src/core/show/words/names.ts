/** Names in words: modules, orders and their checks, repairs; the setting of a figure or a table; what texts share with calibration texts. */
import { plain } from "../../entry/mod.ts";
import { OUTSIZED, planPhrase, planText } from "../../measure/mod.ts";
import {
  type Computed,
  type GuideName,
  GUIDES,
  isSeeded,
  type Last,
  type Plan,
  type Provenance,
  SCORES,
  type SharedText,
} from "../../result/mod.ts";
import { counted, formatNumber, formatShare } from "./numbers.ts";

export const KIND_NAMES = {
  attention: "attention",
  mlp: "MLP",
  block: "block",
  joint: "joint",
  consecutive: "consecutive",
  types: "types",
} as const;
type KindName = keyof typeof KIND_NAMES;

const NOUNS: Readonly<Record<KindName, string>> = {
  attention: "attention module",
  mlp: "MLP",
  block: "block",
  joint: "module",
  consecutive: "consecutive block",
  types: "step",
};

/** "8 of 30 attention modules", "1 MLP". */
export function modules(kind: KindName, n: number, of?: number): string {
  return of === undefined ? counted(n, NOUNS[kind]) : `${n} of ${counted(of, NOUNS[kind])}`;
}

/** What an outsized module is, below tables and figures. */
export const OUTSIZED_NOTE =
  `an update more than ${OUTSIZED} times as long as the stream at some token, which a mean over tokens hides: the model may fail without it`;

/** An order in headings: "greedy", "random, seed 3". */
export function orderName({ by, seed }: Pick<Plan, "by" | "seed">): string {
  return isSeeded({ by }) ? `${by}, seed ${seed}` : by;
}

export const guideTitle = (name: GuideName): string => SCORES[GUIDES[name]].title ?? name;

type Packed = Pick<Provenance, "packing" | "text">;

/** One line: "SmolLM2-135M (GGUF Q4_1) · 8 × 512 tokens of stories · float32, cpu", and what else a figure adds. */
export function settingOf(provenance: Provenance, ...more: readonly string[]): string {
  return [...partsOf([provenance]), ...more.filter((part) => part !== "")].join(" · ");
}

/** The same for several models: their names, then every drop, text and size that one of them was measured with. */
export function settingsOf(all: readonly Provenance[], ...more: readonly string[]): string {
  return [partsOf(all).join(" · ").replaceAll(/ × /g, "\u00a0×\u00a0"), ...more].join(" · "); // a size stays on one line
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
  const where = `layer${layers.length > 1 ? "s" : ""} ${layers.join(", ")}`;
  return `${values.join(", ")} changed by a function in ${where}`;
}

export function packedOf({ packing, text }: Packed): string {
  const bos = packing.bos ? ", each after BOS" : "";
  const beyond = packing.trained === undefined ? "" : `, longer than the ${packing.trained} of its training`;
  return `${tokensOf({ packing, text })}${bos}${beyond}`;
}

/** "8 × 512 tokens of stories". */
export function tokensOf({ packing: { samples, length }, text }: Packed): string {
  return `${samples} × ${length} tokens of ${textOf(text)}`;
}

/** The arithmetic, engine and device behind the numbers: "float32, cpu", "tf32, cuda on NVIDIA H100 80GB HBM3"; each different one. */
export function computedText(...all: readonly Computed[]): string {
  const texts = all.map(({ dtype, engine, device }) =>
    `${dtype}, ${engine}${device === undefined ? "" : ` on ${plain(device)}`}`
  );
  return [...new Set(texts)].join(" and ");
}

/** A model with its weight format: "SmolLM2-135M (GGUF Q4_1)". */
export const modelOf = ({ name, format }: Provenance["model"]): string => plain(`${name} (${format})`);

/** A text by its name; one from a file goes without. */
export const textOf = ({ name }: Pick<Provenance["text"], "name">): string =>
  name === "file" ? "a text file" : plain(name);

/** A result that may say what its text shares with calibration texts. */
type Sharing = { readonly kind: string; readonly shared?: readonly SharedText[] | undefined };

const CALIBRATIONS: Readonly<Record<SharedText["calibration"], string>> = {
  scores: "the calibration text of the scores",
  repair: "the calibration text of the repair",
};

/** A line for each pair of texts, the same of several results once; empty where nothing is shared. */
export function sharedLines(results: readonly Sharing[]): string[] {
  const lines = results.flatMap(({ kind, shared = [] }) =>
    shared.map(({ text, calibration, share }) => {
      const [name, effect] = kind === "evaluate"
        ? [plain(text), "its accuracy may be too high"]
        : ["the text", "its loss may be too low"];
      const other = CALIBRATIONS[calibration];
      return `${name} shares ${formatShare(share)} of its 13-token sequences with ${other}: ${effect}`;
    })
  );
  return [...new Set(lines)];
}

/** The same as sentences. */
export function sharedText(results: readonly Sharing[]): string {
  return sharedLines(results).map((line) => `${line.replace(/^the /, "The ")}.`).join(" ");
}

/** Modules that go last, with the rise without them and reasons: "MLP 11 (2.09 nats per token alone; an update 154 times as long as the stream at some token)"; of those `explained` before, the name alone. */
export function lastText(last: readonly Last[], explained: readonly Last[] = []): string {
  return last.map(({ module, layer, rise, largestRelativeMagnitude: largest }) => {
    const name = `${KIND_NAMES[module]} ${layer}`;
    if (explained.some((one) => one.module === module && one.layer === layer && one.rise === rise)) {
      return name;
    }
    const reasons = [
      ...rise === null ? [] : [`${formatNumber(rise)} nats per token alone`],
      ...largest !== null && largest > OUTSIZED
        ? [`an update ${formatNumber(largest)} times as long as the stream at some token`]
        : [],
    ];
    return `${name} (${reasons.join("; ")})`;
  }).join(", ");
}

type Made = { readonly provenance: Provenance };
const FACTS: readonly ((result: Made) => string)[] = [
  ({ provenance: { model } }) => model.name,
  ({ provenance: { model } }) => model.format,
  ({ provenance: { text } }) => text.name,
  ({ provenance: { drop } }) => planPhrase(drop),
];

/** What tells profiles and the like apart: model, weight format, text, what is dropped, several of these; where these are alike, their places in the list. */
export function namesOf(profiles: readonly Made[]): string[] {
  const distinct = (names: readonly string[]) => new Set(names).size === profiles.length;
  const facts = FACTS.map((read) => profiles.map(read));
  const one = facts.find(distinct);
  if (one) return one;
  const varying = facts.filter((names) => new Set(names).size > 1);
  const all = profiles.map((_, i) => varying.map((names) => names[i]).join(", "));
  return all.map((name, i) => {
    if (all.filter((other) => other === name).length === 1) return name;
    const place = ["first", "second", "third"][i] ?? `number ${i + 1}`;
    return name === "" ? place : `${name}, ${place}`;
  });
}
