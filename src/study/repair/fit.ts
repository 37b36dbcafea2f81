/** The fit of a site from the streams around it. */
import {
  type Fit,
  gatherApart,
  type GatherPlace,
  hadamard,
  RefusedRepair,
  ridge,
  type Stream,
} from "../../run/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import type { Walking } from "../base/walk.ts";
import type { Job, Solved } from "./job.ts";
import { inputsOf, inputSpec, type Method } from "./methods.ts";
import type { Site } from "./site.ts";

/** What a site is fitted from: the stream that enters its module, what it is to add, and the full model's stream behind it. */
interface Streams {
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
async function solvedFrom(
  context: Context,
  site: Site,
  { x, t, f }: Streams,
): Promise<Solved> {
  const { model, method, walk, choosing, heldOut, packed: { blocks }, products } = context;
  const layer = model.spec.layers[site.layer];
  const place: GatherPlace = {
    layer: site.layer,
    module: site.module,
    spec: inputSpec(layer, site.module, method),
    input: site.window ? "given" : method.input,
    inputs: inputsOf(site, model.spec, method),
    weighting: method.weighting,
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
  const options = { centred: method.centred(layer, site.module), ...strengths ? { strengths } : {} };
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

/** Throws `RefusedRepair` for a gain that is not above 0. */
function expectGain(gain: number, { module, layer }: Site): number {
  if (gain > 0 && Number.isFinite(gain)) return gain;
  throw new RefusedRepair(
    `Cannot repair ${module} ${layer} by gain: it multiplies the stream by ${gain}, expected a number above 0`,
  );
}
