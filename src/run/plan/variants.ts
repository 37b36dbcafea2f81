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
} from "../../measure/mod.ts";
import { kindOf, type LayerSpec, layerTensors, type Model, type ModelSpec } from "../../models/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { cutTensor, type KeepsBlocks, type Lease, type WeightSource } from "../../weights/mod.ts";
import { changeKind } from "./changes.ts";
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
  const { changes = [] } = plan;
  return { ...model, spec, ...changes.length > 0 ? { weights: overlaid(model, spec, changes) } : {} };
}

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
    const own = new Map(
      (byLayer.get(l) ?? []).flatMap((change) => [
        ...checkedTensors(full, change, `run ${change.module} ${l} as ${change.to}`),
      ]),
    );
    const [brought, as] = [true, false].map((is) => [...cuts].filter(([name]) => own.has(name) === is));
    const stored = await weights.part(l, new Map(as), keeps);
    const others = brought.map(([name, cut]) => {
      const whole = own.get(name)!;
      return [name, cut ? cutTensor(whole, cut) : whole] as const;
    });
    return { ...stored, tensors: new Map([...stored.tensors, ...others]) };
  }

  return {
    format: weights.format,
    isInBlocks: weights.isInBlocks ?? false,
    storage(l, name) {
      const isBrought = (byLayer.get(l ?? NaN) ?? []).some((change) =>
        Object.keys(changeKind(change).tensors(change)).some((own) => name === `${change.module}.${own}`)
      );
      return isBrought ? { dtype: "f32" } : weights.storage(l, name);
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

/**
 * The tensors that a change brings, by canonical name: all that the changed module takes from it. Throws `RangeError` that says what
 * is impossible (`task`) for one that is missing or has another shape than that module needs.
 */
export function checkedTensors(full: ModelSpec, change: Change, task: string): Map<string, Tensor> {
  const { layer, module } = change;
  const brought = tensorsOf(change);
  const names = Object.keys(changeKind(change).tensors(change)).map((name) => `${module}.${name}`);
  const changed = { ...full.layers[layer], [module]: changeKind(change).spec(change, full.layers[layer]) };
  const needs = layerTensors(changed, full.hidden).filter(([name]) => names.includes(name));
  return new Map(needs.map(([name, shape]) => {
    const tensor = brought.get(name.slice(module.length + 1));
    if (tensor?.shape.join() === shape.join()) return [name, tensor];
    const found = tensor ? `has shape [${tensor.shape}]` : "is missing";
    throw new RangeError(`Cannot ${task}: tensor layers.${layer}.${name} ${found}, expected [${shape}]`);
  }));
}

/**
 * A plan in normal form: layers ascending, changes by layer, attention before the MLP, drops in the lists. Throws `RangeError` for
 * a layer that the model does not have, a module that is already absent, a module that is changed twice, and an unknown change; `TypeError` for a field that its kind of change does not have.
 */
export function dropPlan(
  spec: ModelSpec,
  { attention = [], mlp = [], changes = [] }: Partial<DropPlan>,
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
  return planOf(checked);
}

function verbOf({ to }: Change): string {
  return to === "nothing" ? "drop" : "change";
}

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
