/**
 * A path as a deeper model: its layers are the visits, each with the weights of its layer. What looks at one plan alone sees nothing
 * else of paths.
 */
import {
  type Change,
  type DropPlan,
  everyChange,
  joinsOf,
  layersOf,
  MOST_VISITS,
  type Path,
  pathIn,
  plainRoute,
  planOf,
  type Route,
  routeOf,
  type Step,
  type Visit,
} from "../../measure/mod.ts";
import type { Model, ModelSpec } from "../../models/mod.ts";
import type { WeightSource } from "../../weights/mod.ts";

/** The visits of a model's layers under a plan. */
export function routeIn(
  { layers, joins }: Pick<ModelSpec, "layers" | "joins">,
  { path }: Pick<DropPlan, "path">,
): Route {
  return path ? routeOf(path) : plainRoute(layers.length, joins);
}

/** Whether a change is made at a visit. */
export function isAt({ layer, visit }: Change, at: Pick<Visit, "layer" | "visit">): boolean {
  return layer === at.layer && (visit ?? at.visit) === at.visit;
}

/** The layers that a plan runs, with the modules that they have before its changes, and the changes in their numbers. */
export function unrolledSpec(spec: ModelSpec, plan: DropPlan): { spec: ModelSpec; plan: DropPlan } {
  if (!plan.path) return { spec, plan };
  const route = routeOf(plan.path);
  const { visits } = route;
  const changes = visits.flatMap((at, layer) =>
    everyChange(plan).filter((change) => isAt(change, at)).map(({ visit: _, ...change }) => ({
      ...change,
      layer,
    }))
  );
  const { joins: _, ...rest } = spec;
  const joins = joinsOf(route);
  const layers = visits.map(({ layer }) => spec.layers[layer]);
  return { spec: { ...rest, layers, ...joins ? { joins } : {} }, plan: planOf(changes) };
}

/** The same model with the visits of a plan's path as its layers, and the plan without the path. */
export function unrolled<Own extends Model>(model: Own, plan: DropPlan): { model: Own; plan: DropPlan } {
  if (!plan.path) return { model, plan };
  const { visits } = routeOf(plan.path);
  const { weights } = model;
  const { spec, plan: own } = unrolledSpec(model.spec, plan);
  return { model: { ...model, spec, weights: visited(weights, visits) }, plan: own };
}

function visited(weights: WeightSource, visits: readonly Visit[]): WeightSource {
  const at = (place: number) => visits[place].layer;
  return {
    format: weights.format,
    isInBlocks: weights.isInBlocks ?? false,
    storage: (place, name) => weights.storage(place === null ? null : at(place), name),
    layer: (place, keeps) => weights.layer(at(place), keeps),
    part: (place, cuts, keeps) => weights.part(at(place), cuts, keeps),
    ...weights.drawn ? { drawn: (place, cuts) => weights.drawn!(at(place), cuts) } : {},
    outer: (name, rows, into) => weights.outer(name, rows, into),
    outerBlocks: (name, keeps) => weights.outerBlocks?.(name, keeps) ?? Promise.resolve(null),
    close: () => weights.close(),
  };
}

/**
 * A path in normal form, and the layers that it leaves out where that is all it does. Throws `RangeError` for a step that the model
 * does not have.
 */
export function pathOf({ layers }: ModelSpec, given: Path | string): { path?: Path; skipped: number[] } {
  const path = (typeof given === "string" ? pathIn(given) : given).flatMap((step) =>
    plainStep(step, layers.length)
  );
  const visits = path.reduce((sum: number, step) => sum + visitsOf(step), 0);
  if (!(visits >= 1 && visits <= MOST_VISITS)) {
    throw new RangeError(`Cannot run a path of ${visits} layers: expected 1 to ${MOST_VISITS}`);
  }
  const isAscending = path.every((step, i) =>
    typeof step === "number" && (i === 0 || step > (path[i - 1] as number))
  );
  return isAscending
    ? { skipped: [...layers.keys()].filter((l) => !path.includes(l)) }
    : { path, skipped: [] };
}

const visitsOf = (step: Step) =>
  layersOf(step).length * (typeof step === "object" && "loop" in step ? step.times : 1);

/** A step in normal form, or the plain steps that it amounts to. */
function plainStep(step: Step, layers: number): Step[] {
  const cannot = (found: string) => new RangeError(`Cannot run a path: ${found}`);
  const ends = typeof step === "number" ? [step] : "beside" in step ? step.beside : step.loop;
  const wrong = ends.find((layer) => !(Number.isInteger(layer) && layer >= 0 && layer < layers));
  if (wrong !== undefined || ends.length === 0) {
    throw cannot(`it names layer ${wrong}, expected a layer from 0 to ${layers - 1}`);
  }
  if (typeof step === "number") return [step];
  if ("beside" in step) return step.beside.length === 1 ? [...step.beside] : [{ beside: [...step.beside] }];
  const { loop: [first, last], times, once } = step;
  if (last < first) throw cannot(`a loop goes from layer ${first} to ${last}, expected to a later one`);
  if (!(Number.isInteger(times) && times >= 1 && times <= MOST_VISITS)) {
    throw cannot(`a loop has ${times} rounds, expected a whole number from 1 to ${MOST_VISITS}`);
  }
  if (!(once >= 0 && once <= 1)) throw cannot(`a loop has a single visit of ${once}, expected 0 to 1`);
  return times === 1 || once === 1 ? layersOf(step) : [{ loop: [first, last], times, once }];
}
