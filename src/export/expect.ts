/**
 * Whether the smaller model's own description agrees with the original: windows and rotations that a rule assigns by layer number
 * would move, and a number without a field in the format would become the format's default.
 */
import type { Change } from "../measure/mod.ts";
import { kindOf, type ModelSpec } from "../models/mod.ts";
import { changedSpec } from "../run/mod.ts";
import { type Format, Inexpressible, type Job, type Module, modulesText } from "./job.ts";

/** Throws `Inexpressible` that names the first module that would be another one. `skipped` modules are not to be there. */
export function expectModel({ full, kept }: Job, found: ModelSpec, skipped: readonly Module[] = []): void {
  const { family: _, layers: __, ...outer } = full; // a family may be another one's special case
  const difference = differing(outer, found);
  if (difference !== null) throw new Inexpressible("the model", `would change (${difference})`);
  kept.forEach((layer, index) => {
    const isSkipped = (module: Module["module"]) =>
      skipped.some((one) => one.module === module && one.layer === layer);
    const whole = full.layers[layer];
    const expected = {
      residual: whole.residual,
      attention: isSkipped("attention") ? null : whole.attention,
      mlp: isSkipped("mlp") ? null : whole.mlp,
    };
    const field = differing(expected, found.layers[index]);
    if (field === null) return;
    const module = field.startsWith("mlp") ? "mlp" : "attention";
    throw new Inexpressible(
      modulesText([{ module, layer }]),
      `would change as layer ${index} (${field})`,
    );
  });
}

/** Throws `Inexpressible` where a format cannot express the kind of some module, or of one that takes its place. */
export function expectExpressible({ full, drop }: Job, format: Format): void {
  for (const module of full.layers.flatMap(({ attention, mlp }) => [attention, mlp])) {
    const why = module && kindOf(module).inexpressible[format];
    if (why) throw new Inexpressible("the model", why);
  }
  const { layers } = changedSpec(full, drop);
  for (const change of drop.changes ?? []) {
    const why = kindOf(layers[change.layer][change.module]!).inexpressible[format] ??
      inexpressibleWindow(change, format);
    if (why) throw new Inexpressible(modulesText([change]), why);
  }
}

/** Why a format cannot express a window in one layer; undefined where it can. */
function inexpressibleWindow(change: Change, format: Format): string | undefined {
  if (change.to !== "window") return;
  if (format !== "onnx") {
    return "has a window that is the plan's, for which the format has no place";
  }
  if (change.sinks > 0) {
    return "has a window and sinks, which the graph's operator cannot combine";
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
