/** A repair to make, and the plan that follows from what is solved of it. */
import { type Change, type DropPlan, everyChange, MODULES, planOf } from "../../measure/mod.ts";
import type { LayerSpec } from "../../models/mod.ts";
import { keepTensors } from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { changeOf, type Method } from "./methods.ts";
import { order, type Site } from "./site.ts";

/** What came of a site: tensors of its change, or for `gain` a number that divides all later updates. */
export interface Solved {
  readonly tensors: ReadonlyMap<string, Tensor> | null;
  readonly gain: number | null;
  /** ε of the ridge; null without one. */
  readonly strength: number | null;
  /** The share of the targets' mean square that is left on held-out tokens; null if it was not measured. */
  readonly left: number | null;
  /** Why nothing could be fitted there; absent where it could. */
  readonly refused?: string | undefined;
}

/** A repair to make. */
export interface Job {
  readonly model: StudyModel;
  readonly packed: Packed;
  /** What is to be repaired. */
  readonly plan: DropPlan;
  readonly method: Method;
  readonly sequential: boolean;
  readonly sites: readonly Site[];
  /** Samples before those held out that choose the ridge, and are fitted too once it is chosen. */
  readonly choosing: number;
  /** Samples at the end that neither fit nor choose: they measure the repair. */
  readonly heldOut: number;
}

/** A plan with the sites that are solved so far: replaced modules, changed projections, scaled updates. */
export function planWith(
  { model, plan, method, sites, sequential }: Omit<Job, "packed" | "choosing" | "heldOut">,
  solved: readonly (Solved | null)[],
): DropPlan {
  const done = sites.map((site, i) => ({ site, solved: solved[i] ?? null }));
  const changes = done.flatMap(({ site, solved }) =>
    solved?.tensors ? [changeOf(site, method, hashOf(solved.tensors))] : []
  );
  const isReplaced = ({ to }: Change) => !method.absorbs || to === "window";
  const replaced = new Set(changes.filter(isReplaced).map(order));
  const rest = everyChange(plan).filter((change) => !replaced.has(order(change)));
  return planOf([...rest, ...changes, ...scaledBy(model.spec.layers, rest, done, sequential)]);
}

const hashes = new WeakMap<NonNullable<Solved["tensors"]>, string>();

/** The SHA-256 of tensors, which are kept for runs. */
function hashOf(tensors: NonNullable<Solved["tensors"]>): string {
  const hash = hashes.get(tensors) ?? keepTensors(tensors);
  hashes.set(tensors, hash);
  return hash;
}

/** Changes that divide each update by the gains before it: by their product, of which in sequence the last gain is the whole. */
function scaledBy(
  layers: readonly LayerSpec[],
  others: readonly Change[],
  done: readonly { readonly site: Site; readonly solved: Solved | null }[],
  sequential: boolean,
): Change[] {
  const taken = new Set(others.map(order));
  return layers.flatMap((spec, layer) =>
    MODULES.flatMap((module): Change[] => {
      const place = order({ layer, module });
      const gains = done.flatMap(({ site, solved }) =>
        solved?.gain && order(site) < place ? [solved.gain] : []
      );
      if (gains.length === 0 || !spec[module] || taken.has(place)) return [];
      const gain = sequential ? gains.at(-1)! : gains.reduce((product, own) => product * own, 1);
      return [{ layer, module, to: "weights", scale: 1 / gain }];
    })
  );
}
