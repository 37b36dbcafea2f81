/** Repairs over a calibration text: the fits that a plan needs, kept from an earlier run or made now, and what they take. */
import { type DropPlan, noDrop, planHash, planOf, type RepairName } from "core/measure/mod.ts";
import { head, isEarlier, keep, type Keeping, keptResult, planData } from "core/result/mod.ts";
import { replacementKind, replacementOrigin, type ReplacementRequest } from "./result.ts";
import { RefusedRepair, STRENGTHS } from "core/run/repair/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { expectRoom, flopsOf, needOf, type Pass } from "core/study/estimate.ts";
import { provenance, type RunOptions, tellReused } from "core/study/options.ts";
import type { Text } from "core/study/text.ts";
import { heldOutOf, type Job, planWith, type Solved } from "./job.ts";
import { inputsOf, methods, order, type Site } from "./methods.ts";
import { sitesOf } from "./sites.ts";
import { solve } from "./solve.ts";
import { bytesOf, elements, float32, type Tensor } from "core/tensor/mod.ts";

/** A way to repair, and the text that it is fitted on. */
export interface Repairing extends Pick<Job, "model" | "method" | "sequential" | "choosing" | "heldOut"> {
  readonly by: RepairName;
  readonly text: Text;
}

/** The repair of a plan: where it is fitted. */
export interface Repair extends Repairing, Pick<Job, "plan" | "sites"> {}

/** A repair of any plan. The last quarter of the samples is held out; of the others, the last quarter chooses the ridge. */
export function repairing(model: StudyModel, text: Text, by: RepairName, sequential: boolean): Repairing {
  const heldOut = heldOutOf(text.sizes.samples);
  const choosing = heldOutOf(text.sizes.samples - heldOut);
  return { model, text, by, sequential, method: methods[by], choosing, heldOut };
}

/** A plan's repair. Throws `RefusedRepair` where it cannot be repaired so, or the text has fewer tokens than a fit has inputs. */
export function repairOf(way: Repairing, plan: DropPlan): Repair {
  const { model: { name, spec }, by, method, sequential } = way;
  const sites = sitesOf(name, spec, plan, by, method, sequential);
  expectTokens(way, sites);
  return { ...way, plan, sites };
}

function expectTokens(way: Repairing, sites: readonly Site[]): void {
  const { model: { name }, text: { sizes }, by, heldOut } = way;
  const tokens = (sizes.samples - heldOut) * sizes.length;
  const inputs = Math.max(...sites.map((site) => inputsAt(way, site)));
  if (tokens >= inputs) return;
  const samples = (tokens: number) => Math.ceil(4 / 3 * tokens / sizes.length);
  throw new RefusedRepair(
    `Cannot repair ${name} by ${by}: found ${tokens} tokens besides those held out, expected at least ${inputs}, as many ` +
      `as a fit has inputs; ${10 * inputs} are better: ${samples(10 * inputs)} samples`,
  );
}

const inputsAt = ({ model: { spec }, method }: Repairing, site: Site) => inputsOf(site, spec, method);

/** The plan that a fit depends on. On the full model's stream, that is only what the site makes up for. */
function planAt({ plan, sequential }: Repair, { of }: Site): DropPlan {
  if (sequential) return plan;
  return planOf(of.map(({ layer, module }) => ({ layer, module, to: "nothing" })));
}

/** Tells the fits of one way to repair apart. */
export function fitKey(repair: Repair, site: Site): string {
  return `${order(site)} ${planHash(planAt(repair, site))}`;
}

/** The fits of a repair: kept ones, and those that are made and kept now, as far as none before them was refused. */
export async function fitsOf(repair: Repair, options: RunOptions): Promise<Solved[]> {
  const { model, text, by, sequential, sites } = repair;
  const packed = await text.pack(options);
  const { samples, length } = text.sizes;
  await expectRoom(
    { bytes: fitBytes(repair), what: `a repair by ${by} over ${samples * length} tokens` },
    options,
  );
  const origin = await provenance(model, packed, noDrop, options);
  const requests = sites.map((site): ReplacementRequest => {
    const { layer, module } = site;
    return { provenance: origin, by, sequential, plan: planData(planAt(repair, site)), layer, module };
  });
  const found = await Promise.all(requests.map((each) => keptSolution(each, options)));
  const known = found.map((one) => one?.solved ?? null);
  const reused = found.filter((one) => one?.isEarlier).length;
  if (reused > 0) tellReused(options, `repair of ${model.name}`, reused === 1 ? "1 fit" : `${reused} fits`);
  const take = async (i: number, { tensors, ...rest }: Solved) => {
    if (!options.results) return;
    const stored = ({ shape, data }: Tensor) => ({ shape: [...shape], data: bytesOf(data).toBase64() });
    const data = tensors && Object.fromEntries([...tensors].map(([name, own]) => [name, stored(own)]));
    const found = { ...head(replacementKind), ...requests[i], ...rest, tensors: data };
    await keep(replacementKind, found, options);
  };
  return await solve({ ...repair, packed }, known, take, options);
}

/** The plan with its fits. Throws `RefusedRepair` where one was refused. */
export function repairedBy(repair: Repair, solved: readonly Solved[]): DropPlan {
  const refused = solved.find(({ refused }) => refused !== undefined)?.refused;
  if (refused !== undefined) throw new RefusedRepair(refused);
  return planWith(repair, solved);
}

/** How many operations in float32 one in float64 takes as long as: measured with SmolLM2, `refit` beside `linear`. */
const FLOAT64 = 4;

/** Approximate operations of some fits: the layers around each site, the sums of products, and solving for each strength. */
function fitFlops(way: Repairing, sites: readonly Site[]): number {
  const { model, text: { sizes }, method, sequential } = way;
  const { hidden, layers } = model.spec;
  const tokens = sizes.samples * sizes.length;
  const layer = flopsOf(model, [{ ...sizes, plans: [noDrop], head: false }]) / layers.length;
  const solves = STRENGTHS.length + 1;
  return sites.reduce((sum, site) => {
    const places = method.absorbs && !sequential ? 1 + site.of.length : 1;
    const streams = sequential && method.absorbs ? 2 : 1;
    const attention = site.module === "attention" ? 0.4 : 1; // of a layer
    const inputs = inputsAt(way, site);
    const sums = 2 * tokens * inputs * (inputs + hidden);
    const solving = FLOAT64 * solves * inputs ** 2 * (inputs / 3 + 4 * hidden);
    return sum + attention * places * streams * layer + sums + solving;
  }, 0);
}

/** The passes that fits take: up to the last site, of the full model, and in sequence of the plan beside it. */
export function fitPasses(repair: Repair): Pass[] {
  const { plan, sequential, sites, text } = repair;
  const plans = sequential ? [noDrop, plan] : [noDrop];
  return [{ ...text.sizes, plans, head: false, besides: fitFlops(repair, sites), bytes: fitBytes(repair) }];
}

/** Approximate bytes: streams of both models, copies of those around sites that wait, sums of three parts of the samples, and what solving them takes. */
function fitBytes(repair: Repair): number {
  const { model, text: { sizes }, sites, sequential, method } = repair;
  const { hidden } = model.spec;
  const waiting = method.absorbs && !sequential
    ? Math.max(...sites.map((site) => sites.filter((other) => isOpenAt(other, site.layer)).length))
    : 1;
  const streams = 4 * sizes.samples * sizes.length * hidden * (sequential ? 7 : 4 + 3 * waiting);
  const inputs = Math.max(...sites.map((site) => inputsAt(repair, site)));
  const sums = 8 * 7 * inputs * (inputs + hidden);
  return needOf(model, [{ samples: 1, length: 1, plans: [noDrop], head: false }]).bytes + streams + sums;
}

const isOpenAt = ({ layer, of }: Site, at: number): boolean => layer <= at && of.at(-1)!.layer >= at;

/** A kept solution, or null. One whose tensors cannot be read counts as absent. */
async function keptSolution(request: ReplacementRequest, keeping: Keeping) {
  const found = await keptResult(replacementKind, replacementOrigin(request), keeping);
  if (!found) return null;
  const { tensors, strength, left, refused } = found;
  const read = tensors && Object.entries(tensors).map(([name, own]) => [name, tensorOf(own)] as const);
  if (read?.some(([, tensor]) => tensor === null)) return null;
  const solved: Solved = {
    ...{ strength, left, tensors: read && new Map(read as [string, Tensor][]) },
    ...refused === undefined ? {} : { refused },
  };
  return { solved, isEarlier: isEarlier(found) };
}

function tensorOf({ shape, data }: { shape: readonly number[]; data: string }): Tensor | null {
  const bytes = Uint8Array.fromBase64(data);
  if (bytes.length !== 4 * elements(shape)) return null;
  const numbers = new Float32Array(bytes.buffer);
  return numbers.every(Number.isFinite) ? float32(shape, numbers) : null;
}
