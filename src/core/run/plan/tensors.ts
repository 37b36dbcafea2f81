/**
 * The tensors of changes, by the SHA-256 of what they hold: a plan is plain data and names them so. They are few and small, and stay
 * until the process ends.
 */
import { createHash } from "node:crypto";
import type { Change, TablesChange } from "../../measure/mod.ts";
import { bytesOf, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { changeTensors } from "./changes.ts";

/** Tensors of one change by name ("mean"), float32. */
type ChangeTensors = ReadonlyMap<string, Tensor>;

const known = new Map<string, ChangeTensors>();

/** The name of a change's tensor in files and messages: "layers.7.attention.mean", "tables.importance". */
export function changeTensorName(
  change: Pick<Change, "layer" | "module"> | TablesChange,
  name: string,
): string {
  return "layer" in change ? `layers.${change.layer}.${change.module}.${name}` : `tables.${name}`;
}

export function isChangeTensorName(name: string): boolean {
  if (name === "tables.importance") return true;
  const [, own] = name.match(/^layers\.\d+\.(?:attention|mlp)\.([\w.]+)$/) ?? [];
  return own !== undefined && changeTensors.has(own);
}

/** Keeps tensors for runs of plans; returns their SHA-256, which the change holds. Throws `RangeError` for one that is not finite. */
export function keepTensors(tensors: ChangeTensors): string {
  for (const [name, tensor] of tensors) {
    const wrong = toFloat32(tensor).find((value) => !Number.isFinite(value));
    if (wrong === undefined) continue;
    throw new RangeError(`Cannot use tensor ${name}: it holds ${wrong}, expected finite numbers`);
  }
  const hash = tensorsHash(tensors);
  known.set(hash, tensors);
  return hash;
}

/** SHA-256 over names, types, shapes and elements, by name. */
function tensorsHash(tensors: ChangeTensors): string {
  const hash = createHash("sha256");
  for (const [name, { dtype, shape, data }] of [...tensors].sort(([a], [b]) => a < b ? -1 : 1)) {
    hash.update(`${JSON.stringify([name, dtype, shape])}\n`);
    hash.update(bytesOf(data));
  }
  return hash.digest("hex");
}

/** The tensors of a change; none for a change without. Throws `Error` where they were neither read nor made in this process. */
export function tensorsOf(change: Change | TablesChange): ChangeTensors {
  if (!("tensors" in change) || !change.tensors) return new Map();
  const found = known.get(change.tensors);
  if (found) return found;
  const what = "to" in change
    ? `${change.module} ${change.layer} as ${change.to}`
    : "with other tables of words";
  throw new Error(
    `Cannot run ${what}: its tensors (SHA-256 ${change.tensors.slice(0, 16)}…) were not read, ` +
      "expected a plan from readPlan, fit or repair",
  );
}
