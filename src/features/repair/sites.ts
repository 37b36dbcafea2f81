/** Where a repair is made: a site takes a dropped module's place, or is the MLP that makes up for some of them. */
import { type Change, type DropPlan, everyChange, type RepairName } from "core/measure/mod.ts";
import { kindOf, type ModelSpec } from "core/models/mod.ts";
import { RefusedRepair } from "core/run/repair/mod.ts";
import { type Method, order, type Place, type Site } from "./methods.ts";

/** The sites of a plan's repair, in order. Throws `RefusedRepair` for a plan without drops, and a module that it cannot change. */
export function sitesOf(
  name: string,
  spec: ModelSpec,
  plan: DropPlan,
  by: RepairName,
  { absorbs }: Method,
  sequential: boolean,
): Site[] {
  const changes = everyChange(plan);
  const dropped = changes.filter(({ to }) => to === "nothing");
  const cannot = (why: string) => new RefusedRepair(`Cannot repair ${name} by ${by}: ${why}`);
  if (dropped.length === 0) {
    throw new RefusedRepair(
      `Cannot repair ${name}: the plan drops nothing, expected at least one dropped module`,
    );
  }
  if (!absorbs) return dropped.map((place) => ({ layer: place.layer, module: place.module, of: [place] }));
  const byMlp = Map.groupBy(dropped, (place) => absorber(spec, changes, place, sequential));
  const alone = byMlp.get(null) ?? [];
  if (alone.length > 0) {
    const at = `${sequential ? "after" : "before"} ${alone[0].module} ${alone[0].layer}`;
    throw cannot(`found no MLP ${at} that is kept as it is, expected one that makes up for it`);
  }
  return [...byMlp].map(([layer, of]): Site => {
    const mlp = spec.layers[layer!].mlp!;
    if (mlp.kind !== "dense") {
      throw cannot(`MLP ${layer} is ${kindOf(mlp).title}, expected one output projection`);
    }
    if (mlp.norm.post) {
      throw cannot(
        `MLP ${layer} has a norm behind it, expected an output projection that adds to the stream`,
      );
    }
    return { layer: layer!, module: "mlp", of };
  }).sort((a, b) => order(a) - order(b));
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
