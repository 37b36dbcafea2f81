/** The normal form of plans: equal plans are equal as JSON, and every change is possible in the model. */
import { type ModelSpec, scoring } from "../../models/mod.ts";
import { type Change, changesOf, type DropPlan, planOf } from "../../result/mod.ts";

/**
 * A plan in normal form: layers ascending, changes by layer, attention before the MLP, drops in the lists. Throws `RangeError` for
 * a layer that the model does not have, a module that is already absent, a module that is changed twice, heads that cannot be
 * cut, and an unknown change.
 */
export function dropPlan(
  spec: ModelSpec,
  { attention = [], mlp = [], changes = [] }: Partial<DropPlan>,
): DropPlan {
  const seen = new Set<string>();
  const checked = changesOf({ attention, mlp, changes }).map((change) => {
    const name = nameOf(change);
    expectModule(spec, change, name);
    if (seen.has(name)) {
      const found = change.to === "nothing" ? "listed" : "changed";
      throw new RangeError(`Cannot ${verbOf(change)} ${name}: it is ${found} twice, expected once`);
    }
    seen.add(name);
    return normal(spec, change, name);
  });
  return planOf(checked);
}

/** "attention 7" */
function nameOf({ module, layer }: Change): string {
  return `${module} ${layer}`;
}

function verbOf({ to }: Change): string {
  return to === "nothing" ? "drop" : "change";
}

function expectModule({ layers }: ModelSpec, change: Change, name: string): void {
  const layer = layers[change.layer];
  if (!layer) {
    throw new RangeError(
      `Cannot ${verbOf(change)} ${name}: expected a layer from 0 to ${layers.length - 1}`,
    );
  }
  if (layer[change.module]) return;
  throw new RangeError(
    `Cannot ${verbOf(change)} ${name}: the checkpoint already lacks it, expected a module that it has`,
  );
}

/** A change with its fields in one order. */
function normal(spec: ModelSpec, change: Change, name: string): Change {
  const { layer, module, to } = change;
  switch (to) {
    case "nothing":
      return { layer, module, to };
    case "mean":
      if (/^[0-9a-f]{64}$/.test(change.tensors)) return { layer, module, to, tensors: change.tensors };
      throw new RangeError(`Cannot change ${name}: tensors is ${change.tensors}, expected a SHA-256`);
    case "weights":
      return { layer, module: change.module, to, heads: headsIn(spec, change, name) };
    default:
      throw new RangeError(
        `Cannot change ${name}: to is ${JSON.stringify(to)}, expected nothing, mean or weights`,
      );
  }
}

/** Heads to cut, ascending. */
function headsIn({ layers }: ModelSpec, change: Change & { readonly to: "weights" }, name: string): number[] {
  const attention = change.module === "attention" ? scoring(layers[change.layer].attention) : null;
  if (!attention) throw new RangeError(`Cannot cut heads of ${name}: expected softmax attention`);
  const { heads } = attention;
  const sorted = (change.heads ?? []).toSorted((a, b) => a - b);
  const wrong = sorted.find((head) => !(Number.isInteger(head) && head >= 0 && head < heads));
  if (wrong !== undefined) {
    throw new RangeError(`Cannot cut head ${wrong} of ${name}: expected a head from 0 to ${heads - 1}`);
  }
  const twice = sorted.find((head, i) => head === sorted[i - 1]);
  if (twice !== undefined) {
    throw new RangeError(`Cannot cut head ${twice} of ${name}: it is listed twice, expected once`);
  }
  if (sorted.length === 0 || sorted.length === heads) {
    throw new RangeError(
      `Cannot cut ${sorted.length} of the ${heads} heads of ${name}: expected 1 to ${
        heads - 1
      }; to cut all, drop the module`,
    );
  }
  return sorted;
}
