/** A repair to make, the fit of each site, and the plan that follows. */
import { type Change, type DropPlan, everyChange, MODULES, planOf } from "../../measure/mod.ts";
import type { LayerSpec } from "../../models/mod.ts";
import {
  type Fit,
  gatherApart,
  type GatherPlace,
  hadamard,
  keepTensors,
  RefusedRepair,
  ridge,
  type Stream,
} from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { changeOf, inputsOf, inputSpec, type Method, order, type Site } from "./methods.ts";
import type { Walking } from "../base/pass.ts";

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

/** What a site is fitted from: the stream that enters its module, what it is to add, and the full model's stream behind it. */
export interface Streams {
  readonly x: Stream;
  readonly t: Stream;
  readonly f: Stream;
}

/** A repair under way: its streams, and what computes. */
export type Context = Job & Walking;

/** The same as `solvedFrom`; a fit that is refused says why. */
export async function solvedOr(context: Context, site: Site, streams: Streams): Promise<Solved> {
  try {
    return await solvedFrom(context, site, streams);
  } catch (error) {
    if (!(error instanceof RefusedRepair)) throw error;
    return { tensors: null, gain: null, strength: null, left: null, refused: error.message };
  }
}

/** Gathers the moments of all batches, and fits. Throws `RefusedRepair` where they do not suffice. */
async function solvedFrom(context: Context, site: Site, { x, t, f }: Streams): Promise<Solved> {
  const { model, method, walk, choosing, heldOut, packed: { blocks }, products } = context;
  const layer = model.spec.layers[site.layer];
  const place: GatherPlace = {
    layer: site.layer,
    module: site.module,
    spec: inputSpec(layer, site.module, method),
    input: site.window ? "given" : method.input,
    inputs: inputsOf(site, model.spec, method),
    weighting: method.uniform ? "uniform" : "inverse",
    ...method.magnitudes ? { magnitudes: { rotation: rotationOf(method, model.spec.hidden) } } : {},
  };
  const pairs = t.map((own, b) => ({ x: x[b], t: own, f: f[b] }));
  const gathered = <const Parts extends readonly number[]>(...parts: Parts) =>
    gatherApart(context, place, { batches: walk.batches, pairs }, parts);
  const samples = blocks.samples - heldOut;
  if (method.gain) {
    const [all] = await gathered(samples);
    const gain = expectGain(method.gain(all), site);
    return { tensors: null, gain, strength: null, left: null };
  }
  if (method.input === "none") {
    const [all] = await gathered(samples);
    const mean = { weight: { rows: 0, columns: 0, data: new Float64Array(0) }, strength: 0, left: null };
    const bias = all.t.map((sum) => sum / all.weight);
    const tensors = await method.made!({ ...mean, bias }, { model, ...site, products });
    return { tensors, gain: null, strength: null, left: null };
  }
  const { strengths } = method;
  const options = {
    centred: method.centred?.(layer, site.module) ?? false,
    ...strengths ? { strengths } : {},
  };
  const choose = strengths?.length === 1 ? 0 : choosing;
  const [fitting, chosen, held] = await gathered(samples - choose, choose, heldOut);
  const sums = { fitting, choosing: choose > 0 ? chosen : null, heldOut: heldOut > 0 ? held : null };
  const fit: Fit = await ridge(sums, options, products);
  const tensors = await method.made!(fit, { model, ...site, products });
  return { tensors, gain: null, strength: fit.strength, left: fit.left };
}

function rotationOf({ magnitudes }: Method, hidden: number): Tensor | null {
  if (magnitudes !== "rotated") return null;
  return float32([hidden, hidden], Float32Array.from(hadamard(hidden).data));
}

function expectGain(gain: number, { module, layer }: Site): number {
  if (gain > 0 && Number.isFinite(gain)) return gain;
  throw new RefusedRepair(
    `Cannot repair ${module} ${layer} by gain: it multiplies the stream by ${gain}, expected a number above 0`,
  );
}
