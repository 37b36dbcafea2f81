/** Helpers for values that the language lacks. */

/** The sum of numbers, or of what `of` gives for each entry, added in their order; 0 for none. */
export function sum(values: ArrayLike<number>): number;
export function sum<T>(values: ArrayLike<T>, of: (value: T) => number): number;
export function sum(values: ArrayLike<unknown>, of: (value: unknown) => number = Number): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += of(values[i]);
  return total;
}

/** The inner product of two vectors of one length, added in their order. */
export function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/** A record with the value of every name. */
export function eachOf<Name extends string, T>(names: readonly Name[], of: (name: Name) => T) {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, T>;
}

/** A function that makes a value at its first call and returns the same one from then on. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Does work one piece after another, in the order in which it comes, however the pieces before it ended. */
export function oneByOne(): <T>(work: () => T | Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const ended = last.then(work);
    last = ended.catch(() => {});
    return ended;
  };
}

/** A thing that is released when the block that has it with `await using` ends. */
export const released = <T extends { release(): unknown }>(one: T): T & AsyncDisposable =>
  Object.assign(one, { [Symbol.asyncDispose]: async () => void await one.release() });

/** A thing that is freed when the block that has it with `using` ends. */
export const freed = <T extends { free(): void }>(one: T): T & Disposable =>
  Object.assign(one, { [Symbol.dispose]: () => one.free() });

/** A thing that is closed when the block that has it with `using` ends. */
export const closed = <T extends { close(): void }>(one: T): T & Disposable =>
  Object.assign(one, { [Symbol.dispose]: () => one.close() });

/** Parts of bytes in a row. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sum(parts, ({ length }) => length));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

/** Whether a value is an object with names: neither null nor a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Characters of a value that an error shows. */
const SHOWN = 80;

/** A value from a file as errors show it: its JSON, cut to 80 characters; "missing" for undefined. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** The text that bytes in UTF-8 stand for, without a byte order mark. Throws `SyntaxError` that names `file`. */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError(`Cannot read ${file}: found bytes that are not UTF-8, expected UTF-8 text`, {
      cause,
    });
  }
}

/** The value of a JSON text, which may begin with a byte order mark. Throws `SyntaxError` that names `file`, or the line of it. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (cause) {
    const message = (cause as Error).message.replaceAll(/\s+/g, " "); // it cites the text, lines and all
    throw new SyntaxError(`Cannot read ${file}: ${message}`, { cause });
  }
}
