/**
 * The functions of ONNX Runtime's C API that are called, by their place in its table (`OrtApi` in onnxruntime_c_api.h).
 *
 * The table only ever grows at its end, so a place holds for every later version. Most functions give a status, null for
 * success; those without one say what they give. What they make is written where the last argument points.
 */

/** One function: its place in the table, its parameters, and its result if that is not a status. */
export interface Signature {
  readonly place: number;
  readonly parameters: readonly Deno.NativeType[];
  readonly result?: Deno.NativeResultType;
}

const release = (place: number): Signature => ({ place, parameters: ["pointer"], result: "void" });

export const functions = {
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
  ClearBoundInputs: { place: 141, parameters: ["pointer"], result: "void" },
  ClearBoundOutputs: { place: 142, parameters: ["pointer"], result: "void" },
  ReleaseIoBinding: release(135),
  RunWithBinding: { place: 133, parameters: ["pointer", "pointer", "pointer"] },

  CreateTensorWithDataAsOrtValue: {
    place: 49,
    parameters: ["pointer", "pointer", "usize", "buffer", "usize", "i32", "buffer"],
  },
  GetTensorMutableData: { place: 51, parameters: ["pointer", "buffer"] },
  GetTensorTypeAndShape: { place: 65, parameters: ["pointer", "buffer"] },
  GetTensorElementType: { place: 60, parameters: ["pointer", "buffer"] },
  GetDimensionsCount: { place: 61, parameters: ["pointer", "buffer"] },
  GetDimensions: { place: 62, parameters: ["pointer", "buffer", "usize"] },
  ReleaseTensorTypeAndShapeInfo: release(99),
  ReleaseValue: release(96),
} satisfies Record<string, Signature>;

export type FunctionName = keyof typeof functions;
