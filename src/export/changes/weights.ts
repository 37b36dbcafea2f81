/**
 * Modules with other weights, which every format stores: heads that are cut are zeros in the columns of the output projection that read
 * them (what they cost is not saved), another projection takes the place of the model's, and a scale multiplies that projection, or the
 * weight of the norm behind the module where it has one.
 */
import type { Change } from "../../measure/mod.ts";
import { kindOf, layerTensors, scoring } from "../../models/mod.ts";
import { checkedTensors } from "../../run/mod.ts";
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { blockCuts, type TensorRef } from "../../weights/mod.ts";
import { Inexpressible, type Job, modulesText } from "../job.ts";
import { outputNames } from "../names.ts";
import type { Edits } from "./edits.ts";
import { mapped, sourceOf, withCuts } from "./source.ts";

/** Other weights of one module. */
type OtherWeights = Extract<Change, { readonly to: "weights" }>;

/** Changes what is stored. Throws `Inexpressible` where the checkpoint has no tensor to change. */
export function storeWeights(change: OtherWeights, job: Job, edits: Edits): void {
  if (change.heads) cutHeads(change, job, edits);
  if (change.tensors) replaceOutput(change, job, edits);
  if (change.scale !== undefined) scaleUpdate(change, change.scale, job, edits);
}

function cutHeads(change: OtherWeights, job: Job, edits: Edits): void {
  const { name, transform } = storedOf(job, change, "attention.o_proj.weight", edits);
  const { heads } = scoring(job.full.layers[change.layer].attention)!;
  const axis = transform ? 0 : 1; // GPT-2 stores [in, out]
  const source = edits.get(name);
  edits.set(name, withCuts(source, blockCuts(source.info.shape, axis, heads, change.heads!)));
}

function replaceOutput(change: OtherWeights, job: Job, edits: Edits): void {
  for (const [canonical, tensor] of checkedTensors(job.full, change, `export ${job.model.name}`)) {
    const ref = storedOf(job, change, canonical, edits);
    edits.set(ref.name, sourceOf(inStoredForm(tensor, ref, change)));
  }
}

/** A tensor as the checkpoint has it: as it is, or turned. Whether reading gives it back is checked. */
function inStoredForm(tensor: Tensor, { transform }: TensorRef, change: Change): Tensor {
  if (!transform) return { ...tensor, dtype: "f32", data: toFloat32(tensor) };
  const turned = transposed(tensor);
  const read = toFloat32(transform(turned, (length) => new Float32Array(length)));
  const wanted = toFloat32(tensor);
  if (read.length === wanted.length && read.every((value, i) => value === wanted[i])) return turned;
  throw new Inexpressible(
    modulesText([change]),
    "has an output projection in an order that cannot be written",
  );
}

function transposed(tensor: Tensor): Tensor {
  const [rows, columns = 1] = tensor.shape;
  const from = toFloat32(tensor);
  const data = from.map((_, i) => from[(i % rows) * columns + Math.floor(i / rows)]);
  return { dtype: "f32", shape: [columns, rows], data };
}

function scaleUpdate(change: OtherWeights, scale: number, job: Job, edits: Edits): void {
  const refs = scaledTensors(change, job).map((canonical) => storedOf(job, change, canonical, edits));
  const own = new Map(refs.map((ref) => [ref.name, ref])); // experts may lie in one tensor
  for (const [name, ref] of own) {
    const one = offsetOf(ref, edits.get(name).info.shape);
    edits.set(name, mapped(edits.get(name), (value) => scale * (value + one) - one));
  }
}

/** The tensors to which an update is proportional. */
function scaledTensors(change: OtherWeights, { full }: Job): string[] {
  const { layer, module } = change;
  const spec = full.layers[layer][module]!;
  if (!spec.norm.post) return outputNames(full, change);
  const norm = layerTensors({ [module]: spec }, full.hidden).map(([name]) => name)
    .filter((name) => name.startsWith(`${module}.post_norm.`));
  if (norm.some((name) => name.endsWith(".weight"))) return norm;
  throw new Inexpressible(
    modulesText([change]),
    `is scaled, and the norm behind ${kindOf(spec).title} has no weight`,
  );
}

/** What is added to a stored vector on reading: Gemma stores w − 1. Matrices are only put in order. */
function offsetOf({ transform }: TensorRef, shape: readonly number[]): number {
  if (!transform || shape.length > 1) return 0;
  const zeros: Tensor = { dtype: "f32", shape, data: new Float32Array(shape[0]) };
  return toFloat32(transform(zeros, (length) => new Float32Array(length)))[0];
}

/** Where the checkpoint has a tensor of a module. Throws `Inexpressible` where it is a part of another, or packed. */
function storedOf({ model }: Job, change: Change, canonical: string, edits: Edits): TensorRef {
  const ref = model.stored!(canonical, change.layer);
  if (edits.has(ref.name) && !ref.rows) return ref;
  throw new Inexpressible(
    modulesText([change]),
    `is changed, and ${canonical} is no tensor of its own in the checkpoint`,
  );
}
