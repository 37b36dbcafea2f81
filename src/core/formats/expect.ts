/**
 * Whether the smaller model's own description agrees with the original: windows and rotations that a rule assigns by layer number
 * would move, and a number without a field in the format would become the format's default.
 */
import { kindOf, type LayerSpec, type ModelSpec } from "../models/mod.ts";
import { type Format, Inexpressible, type Job } from "./job.ts";

/** Throws `Inexpressible` that names the first module that would be another one. `layers` are those that are meant, by default `kept`. */
export function expectModel(
  { full, kept }: Job,
  found: ModelSpec,
  layers: readonly { readonly layer: number; readonly spec: LayerSpec }[] = kept.map((layer) => (
    { layer, spec: full.layers[layer] }
  )),
): void {
  const { family: _, layers: __, ...outer } = full; // a family may be another one's special case
  const difference = differing(outer, found);
  if (difference !== null) throw new Inexpressible("the model", `would change (${difference})`);
  layers.forEach(({ layer, spec }, index) => {
    const field = differing(spec, found.layers[index]);
    if (field === null) return;
    const module = field.startsWith("mlp") ? "mlp" : "attention";
    throw new Inexpressible({ module, layer }, `would change as layer ${index} (${field})`);
  });
}

/** Throws `Inexpressible` where a format cannot express the kind of some module. */
export function expectExpressible({ full }: Job, format: Format): void {
  for (const module of full.layers.flatMap(({ attention, mlp }) => [attention, mlp])) {
    const why = module && kindOf(module).inexpressible[format];
    if (why) throw new Inexpressible("the model", why);
  }
}

/** The first field in which two things differ: "attention.window 4096, not null". Numbers are compared as float32. */
function differing(expected: unknown, found: unknown, path = ""): string | null {
  const isRecord = (value: unknown) => typeof value === "object" && value !== null;
  if (!isRecord(expected) || !isRecord(found)) {
    return same(expected, found) ? null : `${path} ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`;
  }
  for (const [key, value] of Object.entries(expected as object)) {
    const inside = (found as Record<string, unknown>)[key];
    const difference = differing(value, inside, path === "" ? key : `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}

function same(a: unknown, b: unknown): boolean {
  return typeof a === "number" && typeof b === "number" ? Math.fround(a) === Math.fround(b) : Object.is(a, b);
}
