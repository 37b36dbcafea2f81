/**
 * A plan: changes of a model's modules. Plain data with one normal form (`run/plan`) and one identity, its hash.
 *
 * Dropped modules are lists of layers, so that plans which only drop keep the form and the keys that they always had. All other
 * changes stand in `changes`, by layer, attention before the MLP; the list is absent where it would be empty. Tensors of a change lie
 * in a safetensors file beside the plan; the change holds their SHA-256.
 */
import { createHash } from "node:crypto";
import { unknownText } from "../entry/mod.ts";
import { type LayerModule, MODULES } from "./kinds.ts";

/** What a plan does to one module of a layer, 0-based, in the original numbering. */
export type Change =
  & { readonly layer: number; readonly module: LayerModule }
  & (
    /** The module is not run and adds nothing. */
    | { readonly to: "nothing" }
    /** The module is not run; a constant vector [D] takes its place, the tensor "mean". `tensors` is the SHA-256 of the tensors. */
    | { readonly to: "mean"; readonly tensors: string }
    /**
     * W n + b of the module's normed input n takes its place: the tensors "linear.weight" [D, D] and "linear.bias" [D]. The norm before
     * the module stays; where there is none (OLMo 2), n is the stream over its root mean square.
     */
    | { readonly to: "linear"; readonly tensors: string }
    /** The module runs with other weights. */
    | {
      readonly to: "weights";
      /** SHA-256 of another output projection: "o_proj.weight" or "down_proj.weight", and its bias where the module has one. */
      readonly tensors: string;
    }
    /**
     * The update u of the stream X that it is added to, as `along` times its part along the stream, αX with α = u·X / |X|², and `across`
     * times the rest (arXiv 2609.15975). 0 and 0 is the drop, 1 and 1 the module as it is.
     */
    | { readonly to: "scaled"; readonly along: number; readonly across: number }
    /**
     * The module's matrices as they come back from types of blocks: `out`, the last one, which writes the update (o, down), and `in`, all
     * others (q, k and v; gate and up).
     */
    | {
      readonly to: "types";
      readonly in?: string | undefined;
      readonly out?: string | undefined;
      /** SHA-256 of the importance by which they are rounded: the mean square of each matrix's inputs, "o_proj.importance" and so on. */
      readonly tensors?: string | undefined;
    }
  );

/** The fields of each kind of change beside `layer`, `module` and `to`, in the order of the normal form; true for those it cannot lack. */
export const CHANGE_FIELDS = {
  nothing: {},
  mean: { tensors: true },
  linear: { tensors: true },
  weights: { tensors: true },
  scaled: { along: true, across: true },
  types: { in: false, out: false, tensors: false },
} as const satisfies {
  readonly [To in Change["to"]]: {
    readonly [Name in Exclude<keyof Extract<Change, { readonly to: To }>, "layer" | "module" | "to">]:
      boolean;
  };
};
/** The name of a field that some kind of change has. */
export type ChangeField = { [To in Change["to"]]: keyof (typeof CHANGE_FIELDS)[To] }[Change["to"]];

/** Everything that a module can be changed to. */
export const CHANGES = Object.keys(CHANGE_FIELDS) as readonly Change["to"][];

/** The first field of a change that its kind does not have, as errors state it; null if there is none. An undefined one counts as absent. */
export function oddField(change: Pick<Change, "to">, where = ""): string | null {
  const known = ["layer", "module", "to", ...Object.keys(CHANGE_FIELDS[change.to])];
  const odd = Object.entries(change)
    .find(([name, value]) => value !== undefined && !known.includes(name))?.[0];
  if (odd === undefined) return null;
  return unknownText(`field "${odd}" of a change to "${change.to}"${where}`, odd, known);
}

/** Repairs of dropped modules. */
export const REPAIRS = ["mean", "refit", "linear"] as const;
/** The name of a repair of dropped modules. */
export type RepairName = typeof REPAIRS[number];

/** How a plan changes the tables of words: one row of `hidden` numbers a word. */
export interface TablesChange {
  /** The table that takes the place of both, where the model has two. */
  readonly both?: "embedding" | "head" | undefined;
  /** The type of blocks that the embedding is rounded to; where there is one table, that is the head's too. */
  readonly embedding?: string | undefined;
  /** The type of the head, where there are two tables. */
  readonly head?: string | undefined;
  /** SHA-256 of the "importance" by which they are rounded: the mean square of the head's inputs [D]. */
  readonly tensors?: string | undefined;
}

/** A table of words. */
export type WordTable = NonNullable<TablesChange["both"]>;
/** The tables of words, by the first part of their names. */
export const TABLES = ["embedding", "head"] as const satisfies readonly WordTable[];

/** The changes of a model's modules. A dropped block has its layer in both lists. */
export interface DropPlan {
  /** Layers whose attention is dropped, 0-based. */
  readonly attention: readonly number[];
  /** Layers whose MLP is dropped, 0-based. */
  readonly mlp: readonly number[];
  /** All other changes; absent if there are none. */
  readonly changes?: readonly Change[] | undefined;
  /** Absent where the tables of words stay as they are. */
  readonly tables?: TablesChange | undefined;
}

/** The full model. */
export const noDrop: DropPlan = { attention: [], mlp: [] };

/** All changes of a plan as one list: by layer, attention before the MLP. */
export function everyChange({ changes = [], ...lists }: DropPlan): Change[] {
  const dropped = MODULES.flatMap((module) =>
    [...lists[module]].map((layer): Change => ({ layer, module, to: "nothing" }))
  );
  return [...dropped, ...changes].sort(byPlace);
}

/** A list of changes as a plan; dropped modules go into the lists of layers. */
export function planOf(changes: readonly Change[]): DropPlan {
  const [dropped, others] = [true, false].map((drops) =>
    changes.filter(({ to }) => (to === "nothing") === drops).sort(byPlace)
  );
  const layers = (kind: LayerModule) =>
    dropped.flatMap(({ layer, module }) => module === kind ? [layer] : []);
  return {
    attention: layers("attention"),
    mlp: layers("mlp"),
    ...others.length > 0 ? { changes: others } : {},
  };
}

function byPlace(a: Change, b: Change): number {
  return a.layer - b.layer || MODULES.indexOf(a.module) - MODULES.indexOf(b.module);
}

/** Whether a plan changes nothing. */
export function isFull({ attention, mlp, changes = [], tables }: DropPlan): boolean {
  return attention.length + mlp.length + changes.length === 0 && !tables;
}

/** The identity of a plan, whatever the order of its lists and fields: 16 hexadecimal digits. */
export function planHash(plan: DropPlan): string {
  const lines = everyChange(plan).map((change) => `${change.layer} ${textOf(change)}`);
  return hashOf([...lines, ...plan.tables ? [tablesText(plan.tables)] : []].join("\n"));
}

const tablesText = ({ both, embedding, head, tensors }: TablesChange): string =>
  `tables ${JSON.stringify({ both, embedding, head, tensors })}`;

/** The identity of a change itself, wherever it is made: equal for equal changes of different layers. */
export const changeHash = (change: Change): string => hashOf(textOf(change));

function textOf(change: Change): string {
  const { module, to } = change;
  const own = change as Partial<Record<ChangeField, unknown>>;
  const names = (Object.keys(CHANGE_FIELDS[to]) as ChangeField[]).filter((name) => own[name] !== undefined);
  const fields = names.map((name) => name === "tensors" ? `${own[name]}` : `${name} ${own[name]}`); // a hash needs no name
  return `${module} ${to} ${fields.join(" ")}`;
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** A plan in words: "nothing", "attention 25 26", "block 3", "attention 1 2 · MLP 4", "attention 5 6 (mean)". */
export function planText(plan: DropPlan): string {
  const { attention, mlp } = plan;
  if (isFull(plan)) return "nothing";
  const same = attention.length === mlp.length && attention.every((layer) => mlp.includes(layer));
  const dropped = same && attention.length > 0 ? [`block ${attention.join(" ")}`] : [
    ...attention.length ? [`attention ${attention.join(" ")}`] : [],
    ...mlp.length ? [`MLP ${mlp.join(" ")}`] : [],
  ];
  return [...dropped, ...changeTexts(plan)].join(" · ");
}

/** A plan as it qualifies a model: "full model", "without attention 25", "without MLP 4, with attention 5 6 (mean)". */
export function planPhrase(plan: DropPlan): string {
  const { attention, mlp } = plan;
  const others = changeTexts(plan);
  return [
    ...isFull({ attention, mlp }) ? [] : [`without ${planText({ attention, mlp })}`],
    ...others.length > 0 ? [`with ${others.join(" · ")}`] : [],
  ].join(", ") || "full model";
}

/** Changes other than drops, each kind once: "attention 5 6 (mean)", "MLP 8 (refitted)", "MLP 0–11 (Q4_0)", "embedding Q5_0". */
export function changeTexts({ changes = [], tables }: DropPlan): string[] {
  const alike = Map.groupBy(
    changes,
    (change) => `${change.module === "mlp" ? "MLP" : change.module} # (${wordOf(change)})`,
  );
  const texts = [...alike].map(([text, own]) => {
    const layers = own.map(({ layer }) => layer);
    return text.replace("#", own[0].to === "types" ? rangesText(layers) : layers.join(" "));
  });
  return [...texts, ...tablesTexts(tables)];
}

/** "embedding Q5_0", "one table (the head's)". */
function tablesTexts({ both, embedding, head }: TablesChange = {}): string[] {
  return [
    ...both ? [`one table (the ${both}'s)`] : [],
    ...embedding ? [`embedding ${embedding}`] : [],
    ...head ? [`head ${head}`] : [],
  ];
}

/** Ascending layers: "0–11 14". */
function rangesText(layers: readonly number[]): string {
  const starts = layers.filter((layer, i) => layer - 1 !== layers[i - 1]);
  const ends = layers.filter((layer, i) => layer + 1 !== layers[i + 1]);
  return starts.map((start, i) => start === ends[i] ? `${start}` : `${start}–${ends[i]}`).join(" ");
}

function wordOf(change: Change): string {
  switch (change.to) {
    case "weights":
      return "refitted";
    case "scaled":
      return `${change.along} along the stream, ${change.across} across`;
    case "types": {
      const [read, written] = change.module === "mlp" ? ["gate-up", "down"] : ["qkv", "o"];
      if (change.in === change.out) return change.in!;
      return [...change.in ? [`${read} ${change.in}`] : [], ...change.out ? [`${written} ${change.out}`] : []]
        .join(", ");
    }
    default:
      return change.to;
  }
}
