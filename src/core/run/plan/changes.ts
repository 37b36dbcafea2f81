/** The kinds of change: how each is checked, and which module it makes. The next is an entry of `kinds`, of `Change` and its form. */
import { type Change, type LayerModule, TABLES, type TablesChange } from "../../measure/mod.ts";
import { kindOf, type LayerSpec, linearSpec, meanSpec, type ModelSpec, routed } from "../../models/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { isAsCoarse, rowBytes, type Storage, type WeightSource } from "../../weights/mod.ts";
import { roundedOnce } from "./rounded.ts";

/** A kind of change, which is a variant of a module: a specification, and tensors in the place of the model's. */
interface ChangeKind<Own extends Change> {
  /** Tensors that it brings, by name, with their number of axes; a bias is brought where the module has one. */
  tensors(change: Own): Readonly<Record<string, number>>;
  /** The change with its fields in one order. Throws `RangeError` that names the module ("attention 7") if it is impossible. */
  normal(change: Own, spec: ModelSpec, name: string): Own;
  /** The module's specification; null where nothing is run and nothing added. */
  spec(change: Own, layer: LayerSpec): LayerSpec[Own["module"]];
  /** Other tensors that it brings, by canonical name with their shapes: what says how its own are made. */
  importance?(change: Own, layer: LayerSpec, hidden: number): (readonly [string, readonly number[]])[];
  /** How one of the module's tensors is made of the model's and those that the change brings; null where it is the same. */
  made?(
    change: Own,
    layer: LayerSpec,
    tensor: string,
    storedAs: () => Pick<Storage, "type" | "isSplit">,
    weights: WeightSource,
  ): ((read: () => Promise<Tensor>, brought: ReadonlyMap<string, Tensor>) => Promise<Tensor>) | null;
}

type ChangeTo<To extends Change["to"]> = Extract<Change, { readonly to: To }>;

const nothing: ChangeKind<ChangeTo<"nothing">> = {
  tensors: () => ({}),
  normal: ({ layer, module, to }) => ({ layer, module, to }),
  spec: () => null,
};

/** A constant vector in the place of a module. */
const mean: ChangeKind<ChangeTo<"mean">> = {
  tensors: () => ({ mean: 1 }),
  normal: withTensors,
  spec: () => meanSpec,
};

/** A linear map of the module's normed input. */
const linear: ChangeKind<ChangeTo<"linear">> = {
  tensors: () => ({ "linear.weight": 2, "linear.bias": 1 }),
  normal: withTensors,
  spec: ({ module }, layer) => linearSpec(layer[module]!.norm),
};

/** A change that consists of its tensors. */
function withTensors<Own extends ChangeTo<"mean" | "linear" | "weights">>(
  { layer, module, to, tensors }: Own,
  _: unknown,
  name: string,
): Own {
  return { layer, module, to, tensors: aHash(tensors, name) } as Own;
}

function aHash(tensors: string, name: string): string {
  if (/^[0-9a-f]{64}$/.test(tensors)) return tensors;
  throw new RangeError(`Cannot change ${name}: tensors is ${tensors ?? "missing"}, expected a SHA-256`);
}

/** A module with another output projection. */
const weights: ChangeKind<ChangeTo<"weights">> = {
  tensors: ({ module }) => ({ [`${OUTPUTS[module]}.weight`]: 2, [`${OUTPUTS[module]}.bias`]: 1 }),
  normal(change, { layers }, name) {
    const { layer, module } = change;
    const full = layers[layer][module]!;
    const has = kindOf(full).tensors(full as never, 1, module).map(([name]) => name);
    if (has.includes(`${module}.${OUTPUTS[module]}.weight`)) return withTensors(change, null, name);
    throw new RangeError(`Cannot change ${name}: it has no output projection, found ${kindOf(full).title}`);
  },
  spec: ({ module }, layer) => layer[module]!,
};

/** The output projections of modules that have one. */
export const OUTPUTS = { attention: "o_proj", mlp: "down_proj" } as const satisfies Record<
  LayerModule,
  string
>;

/** A module whose update is scaled along the stream and across it. */
const scaled: ChangeKind<ChangeTo<"scaled">> = {
  tensors: () => ({}),
  normal({ layer, module, to, along, across }, _, name) {
    for (const [field, value] of Object.entries({ along, across })) {
      if (Number.isFinite(value)) continue;
      throw new RangeError(
        `Cannot scale ${name}: ${field} is ${value ?? "missing"}, expected a finite number`,
      );
    }
    return { layer, module, to, along, across };
  },
  spec: ({ module, along, across }, layer) => ({ ...layer[module]!, updateSides: { along, across } }),
};

/** A module whose matrices are rounded to types of blocks. */
const types: ChangeKind<ChangeTo<"types">> = {
  tensors: ({ tensors }) =>
    tensors === undefined ? {} : Object.fromEntries(GROUPS.map((group) => [importanceName(group), 1])),
  importance: ({ module, tensors }, layer, hidden) =>
    tensors === undefined ? [] : GROUPS.map((group) => [
      `${module}.${importanceName(group)}`,
      [matricesIn(layer, hidden, module, group)[0][1][1]],
    ]),
  normal({ layer, module, to, tensors, ...groups }, { layers, hidden }, name) {
    const full = layers[layer];
    const refused = (found: string, expected: string) =>
      new RangeError(`Cannot round ${name}: ${found}, expected ${expected}`);
    const own = GROUPS.filter((group) => groups[group] !== undefined);
    if (own.length === 0) throw refused("found no type", "one of its matrices, in or out");
    for (const group of own) {
      const matrices = matricesIn(full, hidden, module, group);
      if (matrices.length === 0) {
        throw refused(`it is ${kindOf(full[module]!).title}`, `matrices ("${group}")`);
      }
      for (const [tensor, [, columns]] of matrices) {
        const hasImportance = tensors !== undefined && isWeighed(tensor);
        expectType(groups[group]!, columns, `layers.${layer}.${tensor}`, hasImportance);
      }
    }
    return {
      ...{ layer, module, to, ...Object.fromEntries(own.map((group) => [group, groups[group]])) },
      ...tensors === undefined ? {} : { tensors: aHash(tensors, name) },
    };
  },
  spec: ({ module }, layer) => layer[module]!,
  made(change, layer, name, storedAs, weights) {
    const group = GROUPS.find((group) =>
      matricesIn(layer, 1, change.module, group).some(([tensor]) => tensor === name)
    );
    const type = group && change[group];
    if (!type) return null;
    const stored = storedAs();
    if (stored.isSplit || isAsCoarse(stored.type, type)) return null;
    return (read, brought) => {
      const own = isWeighed(name) ? brought.get(`${change.module}.${importanceName(group)}`) : undefined;
      const importance = own?.data as Float32Array<ArrayBuffer> | undefined;
      const full = `layers.${change.layer}.${name}`;
      const key = `${full} ${importance ? change.tensors : ""}`;
      return roundedOnce(weights, key, type, read, { importance, name: full });
    };
  },
};

/** The matrices of a module that read its input, and the one that writes its update. */
export const GROUPS = ["in", "out"] as const;
/** One of a module's groups of matrices, which have one type of blocks. */
export type Group = typeof GROUPS[number];

/** The matrices of a group [rows, columns], by canonical name; none of a mixture of experts. */
export function matricesIn(
  layer: LayerSpec,
  hidden: number,
  module: LayerModule,
  group: Group,
): (readonly [name: string, shape: readonly [number, number]])[] {
  const spec = layer[module];
  if (!spec || routed(layer.mlp) === spec) return [];
  const all = kindOf(spec).tensors(spec as never, hidden, module).filter(([name, shape]) =>
    shape.length === 2 && name.endsWith("_proj.weight")
  );
  const last = all.findLastIndex(([name]) => /\.(?:o|out|down)_proj\.weight$/.test(name));
  return all.filter((_, i) => (i === last) === (group === "out"))
    .map(([name, [rows, columns]]) => [name, [rows, columns]]);
}

/** What a change calls the importance of a group's columns. */
export const importanceName = (group: Group): string => `${group}.importance`;

/** Whether a matrix reads its group's input: the second ones of latent attention read what the first gave. */
export const isWeighed = (matrix: string): boolean => !/\.(?:q|kv)_b_proj\./.test(matrix);

/** Throws `RangeError` that names the tensor where a type of blocks cannot hold its rows. */
function expectType(type: string, columns: number, name: string, hasImportance: boolean): void {
  rowBytes(type, columns, { name, importance: hasImportance ? new Float32Array(columns) : null });
}

/** Whether one table is both the embedding and the head: its type is the embedding's. Rows of two are multiplied in the head alone. */
export const isOneTable = ({ head }: ModelSpec, { both }: TablesChange): boolean =>
  head.tied || both !== undefined;

/** The tables of a model in normal form. Throws `RangeError` for a table that it does not have, and a type that cannot hold its rows. */
export function normalTables(
  { both, embedding, head, tensors }: TablesChange,
  spec: ModelSpec,
): TablesChange {
  const isOne = isOneTable(spec, { both });
  const refused = (found: string, expected: string) =>
    new RangeError(`Cannot change the tables of words: ${found}, expected ${expected}`);
  if (both !== undefined && spec.head.tied) throw refused("the model has one already", "a model with two");
  if (both !== undefined && !TABLES.includes(both)) {
    throw refused(`both is ${JSON.stringify(both)}`, `one of ${TABLES.join(", ")}`);
  }
  if (head !== undefined && isOne) throw refused(`head is ${head}, and one table is both`, "embedding alone");
  if (both === undefined && embedding === undefined && head === undefined) {
    throw refused("found no change", "both, embedding or head");
  }
  for (const [name, type] of Object.entries({ embedding, head })) {
    if (type !== undefined) expectType(type, spec.hidden, `${name}.weight`, tensors !== undefined);
  }
  return {
    ...both === undefined ? {} : { both },
    ...embedding === undefined ? {} : { embedding },
    ...head === undefined ? {} : { head },
    ...tensors === undefined ? {} : { tensors: aHash(tensors, "the tables of words") },
  };
}

const kinds: { readonly [To in Change["to"]]: ChangeKind<ChangeTo<To>> } = {
  nothing,
  mean,
  linear,
  weights,
  scaled,
  types,
};

export const changeKind = ({ to }: Change): ChangeKind<Change> => kinds[to] as unknown as ChangeKind<Change>;

/** Names of tensors that some change brings. */
export const changeTensors = new Set([
  "mean",
  "linear.weight",
  "linear.bias",
  ...GROUPS.map(importanceName),
  ...Object.values(OUTPUTS).flatMap((name) => [`${name}.weight`, `${name}.bias`]),
]);
