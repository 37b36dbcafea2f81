/**
 * Repairs as files hold them: a matrix that a repair makes is rounded to the type of the matrix in whose place it is stored, in the
 * place of IQ4_NL and of blocks that are not written here to Q8_0; where that adds too much to the loss on samples that choose, to Q8_0 or F16.
 */
import type { Change, DropPlan } from "core/measure/mod.ts";
import { openStored, outputNames, sizerOf } from "core/formats/mod.ts";
import { type Perplexity, riseOver } from "../losses/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { keepTensors, tensorsOf } from "core/run/mod.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { rounded, typesFor } from "core/weights/mod.ts";
import type { Repair } from "./fits.ts";
import { order, type Place } from "./methods.ts";

/** A way to round repairs, from the smallest types to the largest. */
export interface Rounding {
  /** The plan with the matrices of its repairs rounded, and the types that hold them. */
  of(plan: DropPlan): { readonly plan: DropPlan; readonly types: string[] };
}

/** The types in which a matrix can be stored in the place of a module's output projection, or with rows of another length. */
type TypesAt = (place: Place, columns?: number) => string[];

/** Reads the types of a model's own files; null where it has none. */
export async function typesIn(model: StudyModel): Promise<TypesAt | null> {
  const { spec, files, stored: refOf } = model;
  if (!files || !refOf) return null;
  const { file } = await openStored(model);
  file.close(); // its header says all
  return ({ module, layer }, columns) => {
    const [output] = outputNames(spec, { module, layer });
    const info = file.tensors.get(refOf(output, layer).name);
    return info ? typesFor(info.type, columns ?? info.shape.at(-1)!) : [];
  };
}

/** Ways to round the matrices of a repair; none where it makes none, and where files hold float32. */
export function roundingsOf({ model, method, sites }: Repair, typesAt: TypesAt | null): Rounding[] {
  if (!typesAt || !method.fit) return []; // a vector in the module's place
  const places = new Set(sites.map(order));
  const most = Math.max(
    ...sites.flatMap((site) => [typesAt(site).length, typesAt(site, model.spec.hidden).length]),
  );
  return Array.from({ length: most }, (_, i): Rounding => ({
    of(plan) {
      const types = new Set<string>();
      const changes = plan.changes?.map((change): Change => {
        if (!places.has(order(change)) || !("tensors" in change) || !change.tensors) return change;
        const tensors = [...tensorsOf(change)].map(([name, tensor]) => {
          const all = tensor.shape.length === 2 ? typesAt(change, tensor.shape[1]) : [];
          const type = all[i] ?? all.at(-1);
          return [name, type === undefined ? tensor : roundedTo(type, tensor, types)] as const;
        });
        return { ...change, tensors: keepTensors(new Map(tensors)) };
      });
      return { plan: { ...plan, ...changes ? { changes } : {} }, types: [...types] };
    },
  }));
}

/** Float32, and unchanged where it leaves the range of a type. */
function roundedTo(type: string, tensor: Tensor, types: Set<string>): Tensor {
  const numbers = toFloat32(rounded(type, tensor));
  if (!numbers.every(Number.isFinite)) return tensor;
  types.add(type);
  return float32(tensor.shape, numbers);
}

/** The most that rounding may add to the loss: a share of what the repair saves over the drop. */
const MOST = 0.05;

/**
 * The plan as the first way rounds it that adds no more than that to the loss, else the last, which is in 16 bits. `found` has the losses
 * of the drop, the float32 repair, and each way; null where none was measured.
 */
export function roundedBy(ways: readonly Rounding[], plan: DropPlan, found: readonly Perplexity[] | null) {
  const [dropped, repaired, ...losses] = found ?? [];
  const isFine = (loss: Perplexity) =>
    riseOver(loss, repaired).rise <= MOST * riseOver(dropped, repaired).rise;
  const way = ways[losses.findIndex(isFine)] ?? ways.at(-1);
  return way?.of(plan) ?? { plan, types: null };
}

/** The format and bytes of the files that hold a plan, as `fit` sizes them; null where no format holds the model. */
export async function fileOf(model: StudyModel, plan: DropPlan) {
  using sizer = await (await sizerOf(model))?.open() ?? null;
  if (!sizer) return null;
  const { format, original, whole } = sizer;
  return { format, original, whole, bytes: (await sizer.filesOf(plan))?.bytes ?? null };
}
