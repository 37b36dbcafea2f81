/**
 * ONNX Runtime's shared library, its functions as JavaScript ones, and its errors as exceptions.
 *
 * A wrong place or signature would end the process, so `openLibrary` checks the library: it reports its version,
 * and an error that was made is read back.
 */
import { cString } from "../../libraries/mod.ts";

/** One function: its place in the table, its parameters, and its result if that is not a status. */
interface Signature {
  readonly place: number;
  readonly parameters: readonly Deno.NativeType[];
  readonly result?: Deno.NativeResultType;
}

const release = (place: number): Signature => ({ place, parameters: ["pointer"], result: "void" });

/**
 * The functions of ONNX Runtime's C API that are called, by their place in its table (`OrtApi` in onnxruntime_c_api.h). The table only
 * ever grows at its end, so a place holds for every later version. Most functions give a status, null for success; those without one
 * say what they give. What they make is written where the last argument points.
 */
const functions = {
  GetErrorCode: { place: 1, parameters: ["pointer"], result: "i32" },
  GetErrorMessage: { place: 2, parameters: ["pointer"], result: "pointer" },
  CreateStatus: { place: 0, parameters: ["i32", "buffer"], result: "pointer" },
  ReleaseStatus: release(93),

  CreateThreadingOptions: { place: 121, parameters: ["buffer"] },
  SetGlobalIntraOpNumThreads: { place: 147, parameters: ["pointer", "i32"] },
  SetGlobalSpinControl: { place: 149, parameters: ["pointer", "i32"] },
  CreateEnvWithGlobalThreadPools: { place: 119, parameters: ["i32", "buffer", "pointer", "buffer"] },
  ReleaseThreadingOptions: release(122),

  CreateArenaCfgV2: { place: 164, parameters: ["buffer", "buffer", "usize", "buffer"] },
  ReleaseArenaCfg: release(157),
  CreateAndRegisterAllocator: { place: 144, parameters: ["pointer", "pointer", "pointer"] },

  CreateAndRegisterAllocatorV2: {
    place: 259,
    parameters: ["pointer", "buffer", "pointer", "pointer", "buffer", "buffer", "usize"],
  },

  CreateMemoryInfo: { place: 68, parameters: ["buffer", "i32", "i32", "i32", "buffer"] },
  CreateCpuMemoryInfo: { place: 69, parameters: ["i32", "i32", "buffer"] },
  GetAllocatorWithDefaultOptions: { place: 78, parameters: ["buffer"] },
  AllocatorFree: { place: 76, parameters: ["pointer", "pointer"] },

  CreateSessionOptions: { place: 10, parameters: ["buffer"] },
  SetSessionLogSeverityLevel: { place: 22, parameters: ["pointer", "i32"] },
  SetIntraOpNumThreads: { place: 24, parameters: ["pointer", "i32"] },
  DisableMemPattern: { place: 17, parameters: ["pointer"] },
  DisablePerSessionThreads: { place: 120, parameters: ["pointer"] },
  AddSessionConfigEntry: { place: 130, parameters: ["pointer", "buffer", "buffer"] },
  AddExternalInitializersFromFilesInMemory: {
    place: 279,
    parameters: ["pointer", "buffer", "buffer", "buffer", "usize"],
  },
  ReleaseSessionOptions: release(100),

  RegisterExecutionProviderLibrary: { place: 301, parameters: ["pointer", "buffer", "buffer"] },
  UnregisterExecutionProviderLibrary: { place: 302, parameters: ["pointer", "buffer"] },
  GetEpDevices: { place: 303, parameters: ["pointer", "buffer", "buffer"] },
  EpDevice_EpName: { place: 312, parameters: ["pointer"], result: "pointer" },
  EpDevice_EpMetadata: { place: 314, parameters: ["pointer"], result: "pointer" },
  EpDevice_Device: { place: 316, parameters: ["pointer"], result: "pointer" },
  HardwareDevice_Type: { place: 307, parameters: ["pointer"], result: "i32" },
  HardwareDevice_VendorId: { place: 308, parameters: ["pointer"], result: "u32" },
  HardwareDevice_Vendor: { place: 309, parameters: ["pointer"], result: "pointer" },
  GetKeyValue: { place: 297, parameters: ["pointer", "buffer"], result: "pointer" },
  SessionOptionsAppendExecutionProvider_V2: {
    place: 304,
    parameters: ["pointer", "pointer", "buffer", "usize", "buffer", "buffer", "usize"],
  },

  CreateCUDAProviderOptions: { place: 205, parameters: ["buffer"] },
  UpdateCUDAProviderOptions: { place: 206, parameters: ["pointer", "buffer", "buffer", "usize"] },
  UpdateCUDAProviderOptionsWithValue: { place: 263, parameters: ["pointer", "buffer", "pointer"] },
  ReleaseCUDAProviderOptions: release(208),
  SessionOptionsAppendExecutionProvider_CUDA_V2: { place: 204, parameters: ["pointer", "pointer"] },
  CreateSessionFromArray: { place: 8, parameters: ["pointer", "buffer", "usize", "pointer", "buffer"] },
  ReleaseSession: release(95),

  CreateRunOptions: { place: 39, parameters: ["buffer"] },
  RunOptionsSetRunLogSeverityLevel: { place: 41, parameters: ["pointer", "i32"] },
  AddRunConfigEntry: { place: 165, parameters: ["pointer", "buffer", "buffer"] },
  RunOptionsSetTerminate: { place: 46, parameters: ["pointer"] },
  ReleaseRunOptions: release(97),

  CreateIoBinding: { place: 134, parameters: ["pointer", "buffer"] },
  BindInput: { place: 136, parameters: ["pointer", "buffer", "pointer"] },
  BindOutput: { place: 137, parameters: ["pointer", "buffer", "pointer"] },
  BindOutputToDevice: { place: 138, parameters: ["pointer", "buffer", "pointer"] },
  GetBoundOutputValues: { place: 140, parameters: ["pointer", "pointer", "buffer", "buffer"] },
  ClearBoundOutputs: { place: 142, parameters: ["pointer"], result: "void" },
  ReleaseIoBinding: release(135),
  RunWithBinding: { place: 133, parameters: ["pointer", "pointer", "pointer"] },

  CreateTensorWithDataAsOrtValue: {
    place: 49,
    parameters: ["pointer", "pointer", "usize", "buffer", "usize", "i32", "buffer"],
  },
  GetTensorMutableData: { place: 51, parameters: ["pointer", "buffer"] },
  GetTensorTypeAndShape: { place: 65, parameters: ["pointer", "buffer"] },
  GetDimensionsCount: { place: 61, parameters: ["pointer", "buffer"] },
  GetDimensions: { place: 62, parameters: ["pointer", "buffer", "usize"] },
  ReleaseTensorTypeAndShapeInfo: release(99),
  ReleaseValue: release(96),
} satisfies Record<string, Signature>;

type FunctionName = keyof typeof functions;

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
    Object.entries<Signature>(functions).map(([name, signature]) => {
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
