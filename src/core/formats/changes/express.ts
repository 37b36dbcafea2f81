/**
 * How formats write changes of modules: as modules of another kind where they have a place for them, else by other stored tensors. The
 * next kind of change is an entry of `kinds`.
 */
import { type Change, changeTexts, type LayerModule, MODULES } from "../../measure/mod.ts";
import { checkedTensors } from "../../run/mod.ts";
import { type Format, Inexpressible, isDeci, type Job, modulesText, type Stored } from "../job.ts";
import { storeMean } from "./bias.ts";
import { type Edits, editsOf, overlaid, sourceOf } from "./source.ts";
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";
import type { TensorRef } from "../../weights/mod.ts";

type ChangeTo<To extends Change["to"]> = Extract<Change, { readonly to: To }>;

interface ExportKind<Own extends Change> {
  /**
   * Makes it of stored tensors; null where the format has such modules, so that it stays a change. Throws `Inexpressible` if neither is
   * possible.
   */
  store(change: Own, job: Job, format: Format, edits: Edits): Job | null;
  /** What it does, for readers of the model's card. */
  says(change: Own): string;
  /** What users of the model should know, if anything. */
  note?(change: Own): string | null;
}

const kinds: { readonly [To in Exclude<Change["to"], "nothing">]: ExportKind<ChangeTo<To>> } = {
  weights: {
    store(change, job, _, edits) {
      for (const [canonical, tensor] of checkedTensors(job.full, change, `export ${job.model.name}`)) {
        const ref = storedOf(job, change, canonical, edits);
        const { type } = job.stored.file.tensors.get(ref.name)!;
        edits.set(ref.name, sourceOf(inStoredForm(tensor, ref, change), type));
      }
      return job;
    },
    says: () => "another output projection",
  },
  mean: {
    store: storeMean,
    says: () => "the mean of its update in its place",
    note: (change) => `${modulesText([change])}: the mean of its update is added in its place`,
  },
  linear: {
    store(change, job, format) {
      if (format === "onnx" || format === "hf-nas" || isDeci(job, format)) return null;
      throw new Inexpressible(change, "is replaced by a linear map, for which the format has no place");
    },
    says: () => "a linear map of its normed input in its place",
  },
  scaled: {
    store(change, _, format) {
      if (format === "onnx") return null;
      throw new Inexpressible(
        change,
        "is scaled along the stream and across it, for which the format has no place",
      );
    },
    says: ({ along, across }) => `its update along the stream ${along} times, across it ${across} times`,
  },
  types: {
    store(change, _, format) {
      if (format === "gguf" || format === "gguf-deci") return null;
      throw new Inexpressible(change, "is rounded to types of blocks, which GGUF files alone hold");
    },
    says: (change) => `${changeTexts({ attention: [], mlp: [], changes: [change] })}`,
  },
};

function exportOf({ to }: Change): ExportKind<Change> {
  return kinds[to as keyof typeof kinds] as unknown as ExportKind<Change>;
}

/**
 * The job in a format's own terms: left are the changes for which it has modules, the others are in the stored weights. Throws
 * `Inexpressible`, and `RangeError` for tensors of another shape than their module needs.
 */
export function expressed(job: Job, format: Format): Job {
  const { changes = [], tables, ...lists } = job.drop;
  if (tables && format !== "gguf" && format !== "gguf-deci") {
    throw new Inexpressible("the table of words", "is changed, for which GGUF files alone have a place");
  }
  changes.forEach((change) => checkedTensors(job.full, change, `export ${job.model.name}`));
  const edits = editsOf(job.stored.file);
  const left: Change[] = [];
  let made = job;
  // A mean goes into the bias of a module whose other weights are in place then.
  for (const change of changes.toSorted((a, b) => rank(a) - rank(b))) {
    const stored = exportOf(change).store(change, made, format, edits);
    if (stored) made = stored;
    else left.push(change);
  }
  const gone = (module: LayerModule) =>
    changes.filter((change) => change.to === "mean" && change.module === module && !left.includes(change));
  const [attention, mlp] = MODULES.map((module) => [
    ...lists[module],
    ...gone(module).map(({ layer }) => layer),
  ]);
  const stored = { ...made.stored, file: overlaid(job.stored.file, edits.made) } as Stored;
  return {
    ...made,
    drop: { attention, mlp, ...left.length > 0 ? { changes: left } : {}, ...tables ? { tables } : {} },
    ...edits.made.size > 0 ? { stored, edited: true } : {},
  };
}

const rank = ({ to }: Change) => Number(to === "mean");

export const changeText = (change: Change): string => exportOf(change).says(change);

export function notesOnChanges(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => exportOf(change).note?.(change) ?? []);
}

/** A tensor as the checkpoint has it: as it is, or turned. Whether reading gives it back is checked. */
function inStoredForm(tensor: Tensor, { transform }: TensorRef, change: Change): Tensor {
  if (!transform) return { ...tensor, dtype: "f32", data: toFloat32(tensor) };
  const turned = transposed(tensor);
  const read = toFloat32(transform(turned, (length) => new Float32Array(length)));
  const wanted = toFloat32(tensor);
  if (read.length === wanted.length && read.every((value, i) => value === wanted[i])) return turned;
  throw new Inexpressible(change, "has an output projection in an order that cannot be written");
}

function transposed(tensor: Tensor): Tensor {
  const [rows, columns = 1] = tensor.shape;
  const from = toFloat32(tensor);
  const data = from.map((_, i) => from[(i % rows) * columns + Math.floor(i / rows)]);
  return { dtype: "f32", shape: [columns, rows], data };
}

/** Where the checkpoint has a tensor of a module. Throws `Inexpressible` where it is a part of another, or packed. */
function storedOf({ model }: Job, change: Change, canonical: string, edits: Edits): TensorRef {
  const ref = model.stored!(canonical, change.layer);
  if (edits.has(ref.name) && !ref.rows) return ref;
  throw new Inexpressible(change, `is changed, and ${canonical} is no tensor of its own in the checkpoint`);
}
