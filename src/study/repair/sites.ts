/** Where a repair is made: a site takes a dropped module's place, or is the MLP that makes up for some of them. */
import { type Change, type DropPlan, everyChange, MODULES, type RepairName } from "../../measure/mod.ts";
import { kindOf, type ModelSpec, type NormPlacement } from "../../models/mod.ts";
import { hasHadamard, RefusedRepair } from "../../run/mod.ts";
import { type Method, order, type Place, type Site, type Window } from "./methods.ts";

/**
 * The sites of a plan's repair, in order. Throws `RefusedRepair` for a plan that drops nothing, and for a module that the repair cannot
 * change, by name.
 */
export function sitesOf(
  name: string,
  spec: ModelSpec,
  plan: DropPlan,
  by: RepairName,
  { absorbs, windowable, gain, runs, magnitudes }: Method,
  sequential: boolean,
): Site[] {
  const changes = everyChange(plan);
  const dropped = changes.filter(({ to }) => to === "nothing");
  const windows = windowable
    ? changes.filter((change): change is Window => change.to === "window" && !change.tensors)
    : [];
  const cannot = (why: string) => new RefusedRepair(`Cannot repair ${name} by ${by}: ${why}`);
  if (dropped.length + windows.length === 0) {
    throw new RefusedRepair(
      `Cannot repair ${name}: the plan drops nothing, expected at least one dropped module`,
    );
  }
  if (gain) expectScalable(changes, order(dropped[0]), cannot);
  if (magnitudes === "rotated" && !hasHadamard(spec.hidden)) {
    throw cannot(
      `no Hadamard matrix of order ${spec.hidden}, its hidden size, can be made, expected another repair`,
    );
  }
  if (!absorbs) {
    const parts = runs ? runsOf(spec, dropped) : dropped.map((place) => [place]);
    return parts.map((of) => ({ layer: of.at(-1)!.layer, module: of.at(-1)!.module, of }));
  }
  const byMlp = Map.groupBy(dropped, (place) => absorber(spec, changes, place, sequential));
  const alone = byMlp.get(null) ?? [];
  if (alone.length > 0) {
    const at = `${sequential ? "after" : "before"} ${alone[0].module} ${alone[0].layer}`;
    throw cannot(`found no MLP ${at} that is kept as it is, expected one that makes up for it`);
  }
  const expectBare = (what: string, { norm }: { readonly norm: NormPlacement }) => {
    if (!norm.post) return;
    throw cannot(`${what} has a norm behind it, expected an output projection that adds to the stream`);
  };
  const refitted = windows.map((window): Site => {
    const { layer, module } = window;
    expectBare(`attention ${layer}`, spec.layers[layer].attention!);
    return { layer, module, of: [window], window };
  });
  const absorbing = [...byMlp].map(([layer, of]): Site => {
    const mlp = spec.layers[layer!].mlp!;
    if (mlp.kind !== "dense") {
      throw cannot(`MLP ${layer} is ${kindOf(mlp).title}, expected one output projection`);
    }
    expectBare(`MLP ${layer}`, mlp);
    return { layer: layer!, module: "mlp", of };
  });
  return [...refitted, ...absorbing].sort((a, b) => order(a) - order(b));
}

/** Places in runs: no module that is kept is between two of a run. */
function runsOf({ layers }: ModelSpec, places: readonly Place[]): Place[][] {
  const all = layers.flatMap((spec, layer) =>
    MODULES.flatMap((module) => spec[module] ? [order({ layer, module })] : [])
  );
  const runs: Place[][] = [];
  for (const place of places) {
    const last = runs.at(-1)?.at(-1);
    const follows = last && all.indexOf(order(place)) === all.indexOf(order(last)) + 1;
    if (follows) runs.at(-1)!.push(place);
    else runs.push([place]);
  }
  return runs;
}

/** The nearest MLP that the plan keeps as it is: before a place, or in sequence the first after it, where the loss has arrived. */
function absorber({ layers }: ModelSpec, changes: readonly Change[], place: Place, sequential: boolean) {
  const isKept = (layer: number) =>
    layers[layer].mlp !== null &&
    !changes.some((change) => change.layer === layer && change.module === "mlp");
  const found = layers.keys().filter((layer) => {
    const distance = order({ layer, module: "mlp" }) - order(place);
    return isKept(layer) && (sequential ? distance > 0 : distance < 0);
  }).toArray();
  return (sequential ? found[0] : found.at(-1)) ?? null;
}

/** Later changes would have to be scaled too. */
function expectScalable(changes: readonly Change[], first: number, cannot: (why: string) => RangeError) {
  const other = changes.find((change) => change.to !== "nothing" && order(change) > first);
  if (!other) return;
  throw cannot(
    `the plan changes ${other.module} ${other.layer} after a dropped module, expected no other change there`,
  );
}
