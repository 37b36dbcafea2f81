/** The normal form of plans: equal plans are equal as JSON, and every change is possible in the model. */
import { type Change, CHANGES, type DropPlan, everyChange, oddField, planOf } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { changeKind } from "./changes.ts";

/**
 * A plan in normal form: layers ascending, changes by layer, attention before the MLP, drops in the lists. Throws `RangeError` for
 * a layer that the model does not have, a module that is already absent, a module that is changed twice, heads that cannot be
 * cut, a window that is no number of keys or belongs to no softmax attention, and an unknown change; `TypeError` for a field that its
 * kind of change does not have.
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
