/** A change is a variant of a module: a specification, and tensors in the place of the model's. Nothing else is seen of it. */
import {
  type Change,
  changeHash,
  CHANGES,
  type DropPlan,
  everyChange,
  type LayerModule,
  oddField,
  planOf,
  type TablesChange,
} from "../../measure/mod.ts";
import { kindOf, type LayerSpec, layerTensors, type Model, type ModelSpec } from "../../models/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { cutTensor, type KeepsBlocks, type Lease, type WeightSource } from "../../weights/mod.ts";
import { changeKind, isOneTable, normalTables } from "./changes.ts";
import { roundedOnce } from "./rounded.ts";
import { tensorsOf } from "./tensors.ts";

/** A module of a layer under a plan. */
export interface Variant<Module extends LayerModule = LayerModule> {
  /** "full", "nothing", or the hash of the change: what plans must share to share a run. */
  readonly key: string;
  /** Null where nothing is run and nothing added. */
  readonly spec: LayerSpec[Module];
  readonly change: Change | null;
}

export function variantOf<Module extends LayerModule>(
  plan: DropPlan,
  layer: LayerSpec,
  l: number,
  module: Module,
): Variant<Module> {
  const full = layer[module];
  const change = plan.changes?.find((change) => change.layer === l && change.module === module);
  const isDropped = plan[module].includes(l) || change?.to === "nothing";
  if (!full || isDropped) return { key: "nothing", spec: null, change: null };
  if (!change) return { key: "full", spec: full, change: null };
  const spec = changeKind(change).spec(change, layer) as LayerSpec[Module];
  return { key: changeHash(change), spec, change };
}

/** Whether a module does any work: a mean only adds a vector. */
export function isRun<Spec extends LayerSpec[LayerModule]>(spec: Spec): spec is NonNullable<Spec> {
  return spec !== null && !kindOf(spec).idle;
}

/** The specification of a model under a plan: variants in the place of modules, null for those that are dropped. */
export function changedSpec(spec: ModelSpec, plan: DropPlan): ModelSpec {
  const layers = spec.layers.map((layer, l): LayerSpec => ({
    ...layer,
    attention: variantOf(plan, layer, l, "attention").spec,
    mlp: variantOf(plan, layer, l, "mlp").spec,
  }));
  return { ...spec, layers };
}

/** A model under a plan: its specification, and a source of the tensors that it needs. */
export function changedModel(model: Model, plan: DropPlan): Model {
  const spec = changedSpec(model.spec, plan);
  const { changes = [], tables } = plan;
  const own = tables ? withTables(model, tables) : model;
  return { ...own, spec, ...changes.length > 0 ? { weights: overlaid(own, spec, changes) } : {} };
}

/** A model with other tables of words: rows are rounded as they are read. */
export function withTables(model: Model, tables: TablesChange): Model {
  const { weights, spec } = model;
  const importance = tensorsOf(tables).get("importance");
  if (importance && importance.shape.join() !== `${spec.hidden}`) {
    throw new RangeError(
      `Cannot run ${model.name}: tensor tables.importance has shape [${importance.shape}], expected [${spec.hidden}]`,
    );
  }
  const columns = importance?.data as Float32Array<ArrayBuffer> | undefined;
  const { both, embedding } = tables;
  const isOne = isOneTable(spec, tables);
  const head = isOne ? embedding : tables.head;
  const types: Readonly<Record<string, string | undefined>> = {
    "embedding.weight": embedding,
    "head.weight": head,
  };
  const isTable = (name: string) => Object.hasOwn(types, name);
  const storedAs = (name: string) => both && isTable(name) ? `${both}.weight` : name;
  return {
    ...model,
    weights: {
      ...weights,
      get isInBlocks() {
        return weights.isInBlocks ?? false;
      },
      storage: (l, name) =>
        l === null && types[name] ? { dtype: "f32" } : weights.storage(l, l === null ? storedAs(name) : name),
      async outer(name, rows, into) {
        const type = types[name];
        const read = () => weights.outer(storedAs(name), rows, into);
        // Rows that are looked up are multiplied with nothing.
        const importance = isOne || name === "head.weight" ? columns : undefined;
        const key = [storedAs(name), rows, importance && tables.tensors].join(" ");
        return type ? await roundedOnce(weights, key, type, read, { importance, name }) : await read();
      },
      outerBlocks: async (name, keeps) =>
        types[name] ? null : await weights.outerBlocks?.(storedAs(name), keeps) ?? null,
    },
  };
}

/** What plans must share to share the stream that enters the layers. */
export function embeddingKey({ tables }: DropPlan): string {
  if (!tables) return "";
  const { both, embedding, tensors } = tables;
  return both === "head" || embedding
    ? JSON.stringify([both === "head", embedding, embedding && tensors])
    : "";
}

/** The model of each plan as far as its tables are its own: those with the same head are one. */
export function headsOf(model: Model, plans: readonly DropPlan[]): Model[] {
  const known = new Map<string, Model>();
  return plans.map(({ tables }) => {
    if (!tables) return model;
    const { both, embedding, head, tensors } = tables;
    const type = isOneTable(model.spec, tables) ? embedding : head;
    if (!type && both !== "embedding") return model;
    const key = JSON.stringify([both === "embedding", type, tensors]);
    return known.getOrInsertComputed(key, () => withTables(model, tables));
  });
}

/** The model whose head reads the streams of a plan. */
export const headOf = (model: Model, plan: DropPlan): Model => headsOf(model, [plan])[0];

/** A model of which layer l has one module alone, in a variant: what reads the tensors of no other. */
export function variantModel(model: Model, l: number, module: LayerModule, { change }: Variant): Model {
  const changed = changedModel(model, planOf(change ? [change] : []));
  const { layers } = changed.spec;
  const other = module === "attention" ? "mlp" : "attention";
  return { ...changed, spec: { ...changed.spec, layers: layers.with(l, { ...layers[l], [other]: null }) } };
}

/** Weights under changes: a change's own tensors in the place of the model's. Random numbers are drawn as tensors. */
function overlaid({ weights, spec: full }: Model, spec: ModelSpec, changes: readonly Change[]): WeightSource {
  const byLayer = Map.groupBy(changes, ({ layer }) => layer);

  async function part(
    l: number,
    cuts: Parameters<WeightSource["part"]>[1],
    keeps?: KeepsBlocks,
  ): Promise<Lease> {
    const overlays = (byLayer.get(l) ?? []).map((change) => {
      const own = checkedTensors(full, change, `run ${change.module} ${l} as ${change.to}`);
      return (name: string) => {
        const make = madeOf(full, change, name, weights);
        return own.get(name) ?? (make && ((read: () => Promise<Tensor>) => make(read, own)));
      };
    });
    const overlay = (name: string) => overlays.map((own) => own(name)).find((own) => own !== null) ?? null;
    const wanted = [...cuts].map(([name, cut]) => ({ name, cut, own: overlay(name) }));
    const as = wanted.filter(({ own }) => own === null).map(({ name, cut }) => [name, cut] as const);
    const stored = await weights.part(l, new Map(as), keeps);
    const made = new Map<string, Tensor>();
    for (const { name, cut, own } of wanted) {
      if (own === null) continue;
      const whole = typeof own === "function" ? await madeFrom(l, name, own) : own;
      made.set(name, cut ? cutTensor(whole, cut) : whole);
    }
    return {
      tensors: new Map([...stored.tensors, ...made]),
      blocks: stored.blocks,
      release: () => stored.release(),
    };
  }

  /** A tensor made of the model's, of which no more than one is in memory. */
  async function madeFrom(l: number, name: string, make: (read: () => Promise<Tensor>) => Promise<Tensor>) {
    const sources: Lease[] = [];
    try {
      return await make(async () => {
        sources.push(await weights.part(l, new Map([[name, null]])));
        return sources[0].tensors.get(name)!;
      });
    } finally {
      sources.forEach((source) => source.release());
    }
  }

  return {
    format: weights.format,
    isInBlocks: weights.isInBlocks ?? false,
    storage(l, name) {
      const isOwn = (byLayer.get(l ?? NaN) ?? []).some((change) =>
        Object.keys(changeKind(change).tensors(change)).some((own) => name === `${change.module}.${own}`) ||
        madeOf(full, change, name, weights)
      );
      return isOwn ? { dtype: "f32" } : weights.storage(l, name);
    },
    layer: (l, keeps) =>
      byLayer.has(l)
        ? part(l, new Map(layerTensors(spec.layers[l], spec.hidden).map(([name]) => [name, null])), keeps)
        : weights.layer(l, keeps),
    part,
    outer: (name, rows, into) => weights.outer(name, rows, into),
    outerBlocks: (name, keeps) => weights.outerBlocks?.(name, keeps) ?? Promise.resolve(null),
    close: () => weights.close(),
  };
}

/** How a tensor of a changed module is made of the model's; null where it is the same, or another module's. */
function madeOf(full: ModelSpec, change: Change, name: string, weights: WeightSource) {
  if (!name.startsWith(`${change.module}.`)) return null;
  const storedAs = () => weights.storage(change.layer, name);
  return changeKind(change).made?.(change, full.layers[change.layer], name, storedAs, weights) ?? null;
}

/**
 * The tensors that a change brings, by canonical name: all that the changed module takes from it. Throws `RangeError` that says what
 * is impossible (`task`) for one that is missing or has another shape than that module needs.
 */
export function checkedTensors(full: ModelSpec, change: Change, task: string): Map<string, Tensor> {
  const { layer, module } = change;
  const brought = tensorsOf(change);
  const names = Object.keys(changeKind(change).tensors(change)).map((name) => `${module}.${name}`);
  const changed = { ...full.layers[layer], [module]: changeKind(change).spec(change, full.layers[layer]) };
  const needs = [
    ...layerTensors(changed, full.hidden),
    ...changeKind(change).importance?.(change, full.layers[layer], full.hidden) ?? [],
  ].filter(([name]) => names.includes(name));
  return new Map(needs.map(([name, shape]) => {
    const tensor = brought.get(name.slice(module.length + 1));
    if (tensor?.shape.join() === shape.join()) return [name, tensor];
    const found = tensor ? `has shape [${tensor.shape}]` : "is missing";
    throw new RangeError(`Cannot ${task}: tensor layers.${layer}.${name} ${found}, expected [${shape}]`);
  }));
}

/**
 * A plan in normal form: layers ascending, changes by layer, attention before the MLP, drops in the lists. Throws `RangeError` for
 * a layer that the model does not have, a module that is already absent, a module that is changed twice, and an unknown change;
 * `TypeError` for a field that its kind of change does not have.
 */
export function dropPlan(
  spec: ModelSpec,
  { attention = [], mlp = [], changes = [], tables }: Partial<DropPlan>,
): DropPlan {
  const seen = new Set<string>();
  const checked = everyChange({ attention, mlp, changes }).map((change) => {
    const name = `${change.module} ${change.layer}`;
    expectModule(spec, change, name);
    if (seen.has(name)) {
      const found = change.to === "nothing" ? "listed" : "changed";
      throw new RangeError(`Cannot ${verbOf(change)} ${name}: it is ${found} twice, expected once`);
    }
    seen.add(name);
    return changeKind(change).normal(change, spec, name);
  });
  return { ...planOf(checked), ...tables ? { tables: normalTables(tables, spec) } : {} };
}

const verbOf = ({ to }: Change): string => to === "nothing" ? "drop" : "change";

function expectModule({ layers }: ModelSpec, change: Change, name: string): void {
  const cannot = (found: string) => new RangeError(`Cannot ${verbOf(change)} ${name}: ${found}`);
  if (!CHANGES.includes(change.to)) {
    throw cannot(`to is ${JSON.stringify(change.to) ?? "missing"}, expected one of ${CHANGES.join(", ")}`);
  }
  const odd = oddField(change);
  if (odd !== null) throw new TypeError(`Cannot ${verbOf(change)} ${name}: ${odd}`);
  const layer = layers[change.layer];
  if (!layer) throw cannot(`expected a layer from 0 to ${layers.length - 1}`);
  if (!layer[change.module]) throw cannot("the checkpoint already lacks it, expected a module that it has");
}
