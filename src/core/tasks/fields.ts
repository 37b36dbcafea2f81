/** The fields of a row, checked as they are asked for. Errors name the file, the row (from 1) and the field. */
import { isRecord, shown } from "../entry/mod.ts";
import type { Row } from "../text/mod.ts";

export class Fields {
  constructor(readonly values: Row, readonly file: string, readonly row: number) {}

  fault(field: string, found: unknown, expected: string): TypeError {
    return new TypeError(
      `Cannot use ${this.file}, row ${this.row}: the field ${field} is ${shown(found)}, expected ${expected}`,
    );
  }

  text(field: string): string {
    const value = this.#find(field);
    if (typeof value !== "string") throw this.fault(field, value, "a text");
    return value;
  }

  number(field: string): number {
    const value = this.#find(field);
    if (!Number.isSafeInteger(value)) throw this.fault(field, value, "a whole number");
    return value as number;
  }

  texts(field: string): string[] {
    const value = this.#find(field);
    const fits = Array.isArray(value) && value.every((item) => typeof item === "string");
    if (!fits) throw this.fault(field, value, "a list of texts");
    return value;
  }

  /** The index of the right choice: one of `count`. */
  label(field: string, count: number): number {
    return this.index(field, this.number(field), count);
  }

  /** An index that a field stands for: one of `count`. */
  index(field: string, index: number, count: number): number {
    if (index >= 0 && index < count) return index;
    throw this.fault(field, this.#find(field), `the label of one of ${count} choices`);
  }

  /** A field, or one inside another: `choices.text`. */
  #find(field: string): unknown {
    return field.split(".").reduce<unknown>(
      (value, name) => isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined,
      this.values,
    );
  }
}
