/**
 * What a GGUF file says about its rotation in tensors: `rope_freqs.weight` (Llama 3's rotation, one divisor for each frequency), or
 * `rope_factors_short.weight` and `rope_factors_long.weight` (longrope). Both are longrope's form of a configuration.
 */
import { toFloat32 } from "../../tensor/mod.ts";
import type { TensorFile } from "../../weights/mod.ts";

/** Divisors of the frequencies, in texts of the original length and in longer ones. */
export type RopeFactors = { readonly short: readonly number[]; readonly long: readonly number[] };

const BOTH = "rope_freqs.weight", SHORT = "rope_factors_short.weight", LONG = "rope_factors_long.weight";

/** Largest rotation that is believed, in pairs: heads have at most 65536 numbers. */
const MOST_PAIRS = 2 ** 15;

/** Reads the tensors; null where there are none. Throws `TypeError` or `RangeError` for some that are no list of divisors. */
export async function readRopeFactors(file: TensorFile, name: string): Promise<RopeFactors | null> {
  if (file.tensors.has(BOTH)) {
    const both = await divisors(file, BOTH, name);
    return { short: both, long: both };
  }
  if (!file.tensors.has(SHORT) && !file.tensors.has(LONG)) return null;
  return { short: await divisors(file, SHORT, name), long: await divisors(file, LONG, name) };
}

async function divisors(file: TensorFile, tensor: string, name: string): Promise<number[]> {
  const info = file.tensors.get(tensor);
  if (info?.shape.length !== 1 || info.shape[0] > MOST_PAIRS) {
    throw new TypeError(
      `Cannot run ${name}: tensor ${tensor} ${
        info ? `has shape [${info.shape}]` : "is missing"
      }, expected a list of at ` +
        `most ${MOST_PAIRS} frequency divisors`,
    );
  }
  if (info.dtype !== "f32" && info.dtype !== "f16" && info.dtype !== "bf16") {
    throw new TypeError(`Cannot run ${name}: tensor ${tensor} is ${info.type}, expected F32, F16 or BF16`);
  }
  const values = [...toFloat32(await file.read(tensor))];
  const wrong = values.findIndex((value) => !(value > 0 && value < Infinity));
  if (wrong < 0) return values;
  throw new RangeError(
    `Cannot run ${name}: tensor ${tensor} has ${values[wrong]} at ${wrong}, expected numbers above 0`,
  );
}

/** The divisors as a configuration has them. */
export function dividedBy(
  { short, long }: RopeFactors,
  field: (key: string) => unknown,
): Record<string, unknown> {
  return {
    rope_type: "longrope",
    short_factor: short,
    long_factor: long,
    attention_factor: field("rope.scaling.attn_factor") ?? 1,
    original_max_position_embeddings: field("rope.scaling.original_context_length") ??
      field("context_length"),
  };
}

/** The divisors that a configuration made by `dividedBy` has. */
export function ropeFactorsOf(config: Readonly<Record<string, unknown>>): RopeFactors | null {
  const scaling = config.rope_scaling as
    | { short_factor?: number[]; long_factor?: number[] }
    | null
    | undefined;
  return scaling?.short_factor && scaling.long_factor
    ? { short: scaling.short_factor, long: scaling.long_factor }
    : null;
}
