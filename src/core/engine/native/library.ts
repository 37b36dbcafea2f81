/**
 * ONNX Runtime's shared library, its functions as JavaScript ones, and its errors as exceptions.
 *
 * A wrong place or signature would end the process, so `openLibrary` checks the library: it reports its version,
 * and an error that was made is read back.
 */
import { cString } from "../../libraries/mod.ts";
import table from "./functions.json" with { type: "json" };

/**
 * One function of ONNX Runtime's C API: its place in the API's table (`OrtApi` in onnxruntime_c_api.h), which only ever grows at its end,
 * so that a place holds for every later version; its parameters; and its result if that is not a status, which is null for success.
 * What a function makes is written where its last argument points.
 */
interface Signature {
  readonly place: number;
  readonly parameters: readonly Deno.NativeType[];
  readonly result?: Deno.NativeResultType;
}

/** The functions that are called. */
const functions = table as unknown as Readonly<Record<FunctionName, Signature>>;
type FunctionName = keyof typeof table;

/** The version of the C API whose table is asked for; every newer library has it. */
const API_VERSION = 23;

/** An argument of a function: a number, a pointer, memory to read or to write. */
type Argument = number | bigint | Deno.PointerValue | BufferSource | null;

/** Since 1.30, ONNX Runtime on Linux reports its use to its maker, and keeps an identifier, unless this is set. */
const NO_TELEMETRY = "ORT_DISABLE_TELEMETRY";

/** Opens the library at a path. Throws `Error` if it is another library, too old, or does not behave as expected. */
export function openLibrary(path: string): Library {
  Deno.env.set(NO_TELEMETRY, "1"); // read when the environment is made
  const { symbols } = Deno.dlopen(path, { OrtGetApiBase: { parameters: [], result: "pointer" } });
  const base = new Deno.UnsafePointerView(pointer(symbols.OrtGetApiBase(), "OrtGetApiBase"));
  const version = textOf(
    functionAt(base, 1, { place: 1, parameters: [], result: "pointer" }).call() as Deno.PointerValue,
  );
  const api = functionAt(base, 0, { place: 0, parameters: ["u32"], result: "pointer" }).call(API_VERSION);
  if (!/^\d+\.\d+\.\d+/.test(version) || !api) {
    throw new Error(
      `${path} is ONNX Runtime ${version}, expected one with version ${API_VERSION} of its C API`,
    );
  }
  const library = over(new Deno.UnsafePointerView(api as Deno.PointerObject), version);
  check(library, path);
  return library;
}

/** ONNX Runtime's C API. */
export type Library = ReturnType<typeof over>;

function over(table: Deno.UnsafePointerView, version: string) {
  type Native = (...args: Argument[]) => unknown;
  const natives = Object.fromEntries(
    Object.entries(functions).map(([name, signature]) => {
      const native = functionAt(table, signature.place, signature);
      return [name, (...args: Argument[]) => native.call(...args)];
    }),
  ) as Record<FunctionName, Native>;
  const running = functionAt(table, functions.RunWithBinding.place, functions.RunWithBinding, true);

  function succeed(status: unknown): void {
    if (status === null) return;
    const message = textOf(natives.GetErrorMessage(status as Deno.PointerValue) as Deno.PointerValue);
    natives.ReleaseStatus(status as Deno.PointerValue);
    throw new Error(message);
  }
  const place = new BigUint64Array(1);
  return {
    /** As the library says it: "1.30.0". */
    version,
    /** Calls a function. Throws what the library reports. */
    call: (name: FunctionName, ...args: Argument[]): void => succeed(natives[name](...args)),
    /** Calls a function that makes something and writes its address where the last argument points. */
    make(name: FunctionName, ...args: Argument[]): Deno.PointerObject {
      place[0] = 0n;
      succeed(natives[name](...args, place));
      return pointer(Deno.UnsafePointer.create(place[0]), name);
    },
    text: (name: FunctionName, ...args: Argument[]): string | null => {
      const value = natives[name](...args) as Deno.PointerValue;
      return value && textOf(value);
    },
    /** Calls a function that gives a list: writes its address and its length where the last two arguments point. */
    list(name: FunctionName, ...args: Argument[]) {
      const [place, count] = [new BigUint64Array(1), new BigUint64Array(1)];
      succeed(natives[name](...args, place, count));
      const address = pointer(Deno.UnsafePointer.create(place[0]), name);
      const view = new Deno.UnsafePointerView(address);
      const entry = (_: unknown, i: number) => pointer(view.getPointer(i * 8), name);
      return { address, entries: Array.from({ length: Number(count[0]) }, entry) };
    },
    /** Adds entries to the options of a session or of a run. */
    configure(
      name: "AddSessionConfigEntry" | "AddRunConfigEntry",
      options: Deno.PointerObject,
      entries: Readonly<Record<string, string>>,
    ): void {
      for (const entry of Object.entries(entries)) succeed(natives[name](options, ...entry.map(cString)));
    },
    /** Calls a function that gives no status. */
    plain: (name: FunctionName, ...args: Argument[]): unknown => natives[name](...args),
    /** `RunWithBinding` on another thread. */
    run: async (...args: [session: Argument, options: Argument, binding: Argument]): Promise<void> =>
      succeed(await running.call(...args)),
  };
}

/** An error with a known text, through the table: made, read and released. */
function check({ plain, make }: Library, path: string): void {
  const expected = "lamina";
  const status = plain("CreateStatus", 1, cString(expected)) as Deno.PointerValue;
  const found = status && textOf(plain("GetErrorMessage", status) as Deno.PointerValue);
  const code = status && plain("GetErrorCode", status);
  if (found !== expected || code !== 1) {
    throw new Error(`${path} does not behave like ONNX Runtime: an error was returned as ${code} ${found}`);
  }
  plain("ReleaseStatus", status);
  plain("ReleaseSessionOptions", make("CreateSessionOptions"));
}

/** The function that a table has at a place, the first at 0. */
function functionAt(
  table: Deno.UnsafePointerView,
  place: number,
  { parameters, result = "pointer" }: Signature,
  nonblocking = false,
): { call(...args: Argument[]): unknown } {
  const address = pointer(table.getPointer(place * 8), `function ${place}`);
  // The types of a table's row are not known here.
  const Native = Deno.UnsafeFnPointer as unknown as new (
    address: Deno.PointerObject,
    definition: Deno.ForeignFunction,
  ) => { call(...args: Argument[]): unknown };
  return new Native(address, { parameters: [...parameters], result, nonblocking });
}

function pointer(value: Deno.PointerValue, what: string): Deno.PointerObject {
  if (value === null) throw new Error(`ONNX Runtime returned no ${what}`);
  return value;
}

function textOf(value: Deno.PointerValue): string {
  return value === null ? "" : new Deno.UnsafePointerView(value).getCString();
}
