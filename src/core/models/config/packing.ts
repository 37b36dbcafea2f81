/**
 * How a configuration says that weights are quantised. GPTQ, AWQ, bitsandbytes and FP8 are read, as far as their tensors do not tell
 * themselves; any other method is refused by its name, which is more helpful than a missing tensor. Source: transformers,
 * `utils/quantization_config.py`; gptqmodel, `quantization/config.py`.
 */
import type { Packing } from "../../weights/mod.ts";
import { isObject } from "./blocks.ts";
import { describe, spelt } from "./spelt.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Where a configuration says so: for most methods, for MLX, for older files of compressed-tensors. */
export const QUANTISED = ["quantization", "compression_config", "quantization_config"];

/** Methods that are spelt otherwise elsewhere, and those that are known by the field alone. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ...[["awq", "AWQ"], ["gptq", "GPTQ"], ["fp8", "FP8"], ["mxfp4", "MXFP4"]] as const,
  ...[["quantization", "MLX"], ["compression_config", "compressed-tensors"]] as const,
]);

/** How the weights of a folder are packed; null where they are not, or as gpt-oss has them. Throws as `readPacking` does. */
export function packingOf(config: unknown, name: string): Packing | null {
  const field = "quantization_config";
  const [whole, text] = [config, (config as Fields | null)?.text_config].map((part) =>
    (part as Fields | null)?.[field]
  );
  const found = whole ?? text;
  return isObject(found) && found.quant_method === "mxfp4" ? null : readPacking(field, found, name);
}

/** How a field says that weights are packed; null where it says nothing. Throws `TypeError` for what is not read. */
export function readPacking(field: string, found: unknown, name: string): Packing | null {
  if (!isObject(found) || Object.keys(found).length === 0) return null;
  const method = methodOf(found);
  if (field !== "quantization_config" || method === null || !Object.hasOwn(READERS, method)) {
    throw new TypeError(
      `Cannot run ${name}: ${field} says that the weights are quantised by ${titleOf(field, method)}, ` +
        "expected the original weights (float32, float16 or bfloat16), weights quantised by GPTQ, AWQ, " +
        "bitsandbytes or FP8, or a GGUF file",
    );
  }
  return READERS[method]((key, expected, fits, fallback) => {
    const own = found[key] === null && !fits(null) ? undefined : found[key];
    const value = own === undefined ? fallback : own;
    if (fits(value)) return value as never;
    throw new TypeError(`Cannot run ${name}: ${field}: ${key} is ${describe(value)}, expected ${expected}`);
  });
}

/** Throws `TypeError` for a family whose matrices a method packs otherwise than the others'. */
export function refusePacked(found: unknown, name: string): void {
  const packing = readPacking("quantization_config", found, name);
  if (packing === null) return;
  throw new TypeError(
    `Cannot run ${name}: quantization_config says that the weights are quantised by ` +
      `${titleOf("", packing.method)}, which is not read for this family, expected the original weights`,
  );
}

function methodOf({ quant_method, load_in_4bit, load_in_8bit }: Fields): string | null {
  if (typeof quant_method === "string") return quant_method;
  return load_in_4bit || load_in_8bit ? "bitsandbytes" : null;
}

function titleOf(field: string, method: string | null): string {
  if (method === null) return METHODS.get(field) ?? "an unnamed method";
  return METHODS.get(method) ?? spelt(method);
}

/** Reads a field that must fit; an absent one is `fallback`, as is null where it does not fit. */
type Read = <Value>(
  key: string,
  expected: string,
  fits: (value: unknown) => boolean,
  fallback?: Value,
) => Value;

const READERS: Readonly<Record<string, (read: Read) => Packing>> = {
  gptq(read) {
    read("is_marlin_format", "false", isOneOf(false), false);
    read("pack_dtype", "int32", isOneOf("int32"), "int32");
    read("dynamic", "no modules with fields of their own", leavesOutOnly, {});
    const bits: 4 | 8 = read("bits", "4 or 8", isOneOf(4, 8)), size = groupSize(read);
    const isOrdered: boolean = read("desc_act", "true or false", isOneOf(true, false), false);
    return {
      method: "gptq",
      bits,
      groupSize: size,
      scattered: isOrdered && size !== null, // of one group, no order is another
      symmetric: read("sym", "true or false", isOneOf(true, false), false),
      zerosLessOne: formatOf(read, ["checkpoint_format", "format"], ["gptq", "gptq_v2"]) === "gptq",
    };
  },
  awq(read) {
    read("bits", "4", isOneOf(4), 4);
    read("backend", "not llm-awq, whose matrices are packed otherwise", (value) => value !== "llm-awq", null);
    formatOf(read, ["version", "checkpoint_format", "format"], ["gemm"]);
    return { method: "awq", groupSize: groupSize(read) };
  },
  bitsandbytes: () => ({ method: "bitsandbytes" }),
  fp8(read) {
    read("fmt", "e4m3", isOneOf("e4m3"), "e4m3");
    return {
      method: "fp8",
      block: read(
        "weight_block_size",
        "two numbers of at least 1",
        (value) => value === null || isPair(value),
        [128, 128] as const,
      ),
    };
  },
};

const isOneOf = (...values: readonly unknown[]) => (value: unknown) => values.includes(value);
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;
const isPair = (value: unknown) => Array.isArray(value) && value.length === 2 && value.every(isCount);

/**
 * The format of the matrices, in lower case, by one of its names; the first of `formats` where no name is there. transformers
 * prefers some names to others; here all that are there must say the same.
 */
function formatOf(read: Read, names: readonly string[], formats: readonly string[]): string {
  let known: { readonly name: string; readonly format: string } | undefined;
  for (const name of names) {
    const expected = known ? `${known.format}, as ${known.name} says` : formats.join(" or ");
    const fitting = known ? [known.format] : formats;
    const fits = (value: unknown) =>
      value === null || typeof value === "string" && fitting.includes(value.toLowerCase());
    const format = read<string | null>(name, expected, fits, null);
    if (format !== null) known ??= { name, format: format.toLowerCase() };
  }
  return known?.format ?? formats[0];
}

/** Columns that share a scale; null for −1, all of them. */
function groupSize(read: Read): number | null {
  const size: number = read(
    "group_size",
    "-1 or a number of columns",
    (value) => value === -1 || isCount(value),
  );
  return size === -1 ? null : size;
}

/** Whether `dynamic` only names modules that are left as they were: it may give others bits and groups of their own. */
function leavesOutOnly(value: unknown): boolean {
  return isObject(value) && Object.keys(value).every((pattern) => pattern.startsWith("-:"));
}
