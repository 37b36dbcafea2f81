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
  /** The module is not run and adds nothing. */
  | { readonly layer: number; readonly module: LayerModule; readonly to: "nothing" }
  /** The module is not run; a constant vector [D] takes its place, the tensor "mean". `tensors` is the SHA-256 of the tensors. */
  | { readonly layer: number; readonly module: LayerModule; readonly to: "mean"; readonly tensors: string }
  /**
   * W n + b of the module's normed input n takes its place: the tensors "linear.weight" [D, D] and "linear.bias" [D]. The norm before
   * the module stays; where there is none (OLMo 2), n is the stream over its root mean square.
   */
  | { readonly layer: number; readonly module: LayerModule; readonly to: "linear"; readonly tensors: string }
  /** The module runs with other weights. */
  | {
    readonly layer: number;
    readonly module: LayerModule;
    readonly to: "weights";
    /** SHA-256 of another output projection: "o_proj.weight" or "down_proj.weight", and its bias where the module has one. */
    readonly tensors: string;
  }
  /**
   * The update u of the stream X that it is added to, as `along` times its part along the stream, αX with α = u·X / |X|², and `across`
   * times the rest (arXiv 2609.15975). 0 and 0 is the drop, 1 and 1 the module as it is.
   */
  | {
    readonly layer: number;
    readonly module: LayerModule;
    readonly to: "scaled";
    readonly along: number;
    readonly across: number;
  };

/** The fields of each kind of change beside `layer`, `module` and `to`, in the order of the normal form; true for those it cannot lack. */
export const CHANGE_FIELDS = {
  nothing: {},
  mean: { tensors: true },
  linear: { tensors: true },
  weights: { tensors: true },
  scaled: { along: true, across: true },
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

/** The changes of a model's modules. A dropped block has its layer in both lists. */
export interface DropPlan {
  /** Layers whose attention is dropped, 0-based. */
  readonly attention: readonly number[];
  /** Layers whose MLP is dropped, 0-based. */
  readonly mlp: readonly number[];
  /** All other changes; absent if there are none. */
  readonly changes?: readonly Change[] | undefined;
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
export function isFull({ attention, mlp, changes = [] }: DropPlan): boolean {
  return attention.length + mlp.length + changes.length === 0;
}

/** The identity of a plan, whatever the order of its lists: 16 hexadecimal digits. */
export function planHash(plan: DropPlan): string {
  return hashOf(everyChange(plan).map((change) => `${change.layer} ${textOf(change)}`).join("\n"));
}

/** The identity of a change itself, wherever it is made: equal for equal changes of different layers. */
export const changeHash = (change: Change): string => hashOf(textOf(change));

function textOf({ layer: _, module, to, ...own }: Change): string {
  const fields = Object.entries(own).map(([name, value]) =>
    name === "tensors" ? `${value}` : `${name} ${value}` // a hash needs no name
  );
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

/** Changes other than drops, each kind once: "attention 5 6 (mean)", "MLP 8 (refitted)". */
export function changeTexts({ changes = [] }: DropPlan): string[] {
  const alike = Map.groupBy(
    changes,
    (change) => `${change.module === "mlp" ? "MLP" : change.module} # (${wordOf(change)})`,
  );
  return [...alike].map(([text, own]) => text.replace("#", own.map(({ layer }) => layer).join(" ")));
}

function wordOf(change: Change): string {
  switch (change.to) {
    case "weights":
      return "refitted";
    case "scaled":
      return `${change.along} along the stream, ${change.across} across`;
    default:
      return change.to;
  }
}
