/** The kinds of change: how each is checked, and which module it makes. The next is an entry of `kinds`, of `Change` and its form. */
import type { Change, LayerModule } from "../../measure/mod.ts";
import { kindOf, type LayerSpec, linearSpec, meanSpec, type ModelSpec } from "../../models/mod.ts";

/** A kind of change, which is a variant of a module: a specification, and tensors in the place of the model's. */
interface ChangeKind<Own extends Change> {
  /** Tensors that it brings, by name, with their number of axes; a bias is brought where the module has one. */
  tensors(change: Own): Readonly<Record<string, number>>;
  /** The change with its fields in one order. Throws `RangeError` that names the module ("attention 7") if it is impossible. */
  normal(change: Own, spec: ModelSpec, name: string): Own;
  /** The module's specification; null where nothing is run and nothing added. */
  spec(change: Own, layer: LayerSpec): LayerSpec[Own["module"]];
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

const kinds: { readonly [To in Change["to"]]: ChangeKind<ChangeTo<To>> } = {
  nothing,
  mean,
  linear,
  weights,
  scaled,
};

export function changeKind({ to }: Change): ChangeKind<Change> {
  return kinds[to] as unknown as ChangeKind<Change>;
}

/** Names of tensors that some change brings. */
export const changeTensors = new Set([
  "mean",
  "linear.weight",
  "linear.bias",
  ...Object.values(OUTPUTS).flatMap((name) => [`${name}.weight`, `${name}.bias`]),
]);
