/** Numbers in a configuration that must be above zero. */
import type { Config } from "./config.ts";

/**
 * The value of a field, once it is known to be above 0 and finite in float32, in which it is used; null stays null. Throws
 * `RangeError` that names the field.
 */
export function positive<Value extends number | null>(config: Config, field: string, value: Value): Value {
  const used = Math.fround(value ?? 1);
  if (used > 0 && used < Infinity) return value;
  throw new RangeError(`Cannot read ${config.name}: ${field} is ${value}, expected a number above 0`);
}
