/** The options of every study, and their defaults. */
import {
  type Engine,
  type EngineName,
  ENGINES,
  engineWithin,
  openEngine,
  openResidents,
  type Precision,
  PRECISIONS,
} from "../engine/mod.ts";
import {
  aSize,
  type Checks,
  filled,
  flag,
  meter,
  type Of,
  oneOf,
  option,
  orElse,
  parseBytes,
  related,
  reportChecks,
  type Reports,
  SIZE,
  under,
  usually,
  wholeNumber,
} from "../entry/mod.ts";
import { type Computed, keepingChecks, planData, type Provenance, VERSION } from "../result/mod.ts";
import type { DropPlan } from "../run/mod.ts";
import {
  IDS,
  type Packed,
  type SomeText,
  type StudyModel,
  textChecks,
  type TextOptions,
} from "../subject/mod.ts";

/** An engine, and no regular expression, which has `compile` too. */
const isEngine = (value: unknown): boolean => {
  const { compile, precision } = (value ?? {}) as Partial<Engine>;
  return typeof compile === "function" && precision !== undefined || isRecorded(value as Engine);
};

/** Stands for an engine where results are looked up and nothing is computed: what computed them. */
export type Recorded = { readonly computed: Computed };

export const isRecorded = (engine: EngineOptions["engine"]): engine is Recorded =>
  typeof engine === "object" && engine !== null && "computed" in engine;

/** The checks of `EngineOptions`, option by option. */
export const engineChecks = {
  /**
   * The engine, or its name: cpu, webgpu, cuda, openvino, or auto (default), which uses CUDA if it works and otherwise the CPU.
   */
  engine: option(
    orElse<Engine | Recorded, EngineName | "auto">(isEngine, () => null, oneOf(ENGINES)),
    "<name> execution engine; auto uses CUDA if it works, otherwise the CPU",
    "auto",
  ),
  /**
   * Precision of matrix products: float32 (default); tf32 on CUDA; bfloat16 on CUDA and OpenVINO; int8 on the CPU, for models whose
   * weights are in blocks: activations are rounded to bytes, a scale for each block, as llama.cpp does.
   */
  precision: option(
    oneOf(PRECISIONS),
    "<name> precision of matrix products; tf32 needs CUDA, bfloat16 CUDA or openvino; int8 needs the CPU and weights in blocks, and rounds " +
      "activations to bytes, a scale for each block, as llama.cpp does",
    "float32",
  ),
  /**
   * Memory for weights: a number of bytes, or a text such as "8GB" or "512MiB". Weights that fit stay in memory from pass to pass and
   * from token to token; others are read again, which changes no number. Default: half of the CPU's free memory, the free memory
   * of a CUDA device less a reserve, 2 GiB on WebGPU.
   */
  memory: option(
    aSize,
    "<size> memory for weights, for example 8GB; weights that do not fit are read again",
    "half of the free memory, all but a reserve on CUDA, 2GiB on WebGPU",
  ),
};
under("Model and engine:", engineChecks);

/** Options that choose the engine. */
export type EngineOptions = Of<typeof engineChecks>;

/** The default calibration text. */
export const CALIBRATION_TEXT = "stories";
/** The default held-out text, for measuring quality. */
export const HELD_OUT_TEXT = "wiki";
/** The default size of a text: blocks, and tokens in each. */
export const [SAMPLES, LENGTH] = [8, 512];
/** Samples of 512 tokens that repairs are fitted on. */
export const REPAIR_SAMPLES = 24;

/** The checks of `Forcing`, option by option. */
export const forcingChecks = {
  /** Runs the study though its estimate is more than this machine's memory; default: false. */
  force: option(flag, "run even if the estimate exceeds the available memory"),
};
under("Run:", forcingChecks);

/** Whether a study runs though it seems to need more memory than there is. */
export type Forcing = Of<typeof forcingChecks>;
/** Checks of a study whose result is not kept. */
export const unkeptChecks = { ...reportChecks, ...engineChecks, ...forcingChecks };
export const runChecks = { ...unkeptChecks, ...keepingChecks };

/** Where a study keeps what it measures, what computes it, and who hears of it. */
export type RunOptions = Of<typeof runChecks>;

export const studyChecks = {
  ...usually(textChecks, { text: CALIBRATION_TEXT, samples: SAMPLES, length: LENGTH }),
  ...runChecks,
};

/** Options of a study that runs a model over a text. */
export type StudyOptions = Of<typeof studyChecks>;

/** The same for a study that measures quality. */
export const heldOutChecks = usually(studyChecks, { text: HELD_OUT_TEXT });

/** Checks of options about how repairs are fitted, which have no effect without a repair. */
export const repairFitChecks = {
  /** Whether repairs are fitted on the stream of the model as repaired so far, plan by plan; default: false. */
  sequential: option(
    related(flag, { needs: "repair" }),
    "fit repairs on the repaired model's stream, plan by plan, which takes longer",
  ),
  /** Samples of the calibration text that repairs are fitted on; default: 24. */
  repairSamples: option(
    related(wholeNumber(1), { needs: "repair" }),
    "<n> number of calibration blocks that repairs are fitted on",
    REPAIR_SAMPLES,
  ),
};
under("Calibration:", repairFitChecks);

/** A result that is only looked up is missing. */
export class NotKept extends Error {
  override message =
    "a kept result is missing or was computed by another engine, and merging computes nothing";
}

/**
 * The engine of a study: the given one, or the one of the name, with as much memory for weights as the options say. Throws `RangeError`
 * where it has not the precision, and `NotKept` where nothing is to be computed.
 */
export async function engineOf({ engine, precision, memory }: EngineOptions): Promise<Engine> {
  if (isRecorded(engine)) throw new NotKept();
  const opened = typeof engine === "object" ? engine : await openEngine({ engine, precision });
  if (precision !== undefined && precision !== opened.precision) {
    throw new RangeError(
      `Cannot use the engine: precision is "${precision}", expected ${opened.precision}, the engine's own`,
    );
  }
  const bytes = memoryOf({ memory });
  return bytes === undefined ? opened : engineWithin(opened, bytes);
}

/** Bytes that the option `memory` allows for weights; undefined without it. */
export function memoryOf({ memory }: Pick<EngineOptions, "memory">): number | undefined {
  if (memory === undefined) return undefined;
  const bytes = parseBytes(memory);
  if (bytes === null) throw new RangeError(`Cannot use memory "${memory}", expected ${SIZE}`);
  return bytes;
}

/**
 * Runs a study's passes over the weights of a model with an engine on which they stay at hand, in the memory for weights or, by
 * default, in what the study's own `need` leaves of it. All of them are freed in the end. A study within another one of the same
 * model shares its weights.
 */
export async function withResidents<O extends EngineOptions, T>(
  weights: object,
  need: number,
  options: O,
  use: (options: O) => Promise<T>,
): Promise<T> {
  if (isRecorded(options.engine)) return await use(options);
  const engine = await engineOf(options);
  if (engine.residents?.of === weights) return await use(options);
  const memory = engine.residents?.left ?? engine.has.memoryBytes;
  const room = memoryOf(options) ?? Math.max(0, memory - need);
  const residents = openResidents(weights, room);
  try {
    return await use({ ...options, engine: engineWithin(engine, room, residents), memory: undefined });
  } finally {
    residents.close();
  }
}

/** The precision of a study's engine, which need not be open. */
export function precisionOf({ engine, precision = "float32" }: EngineOptions): Precision {
  if (isRecorded(engine)) return engine.computed.dtype as Precision;
  return typeof engine === "object" ? engine.precision : precision;
}

/** What computes the numbers of a study: for provenance. The CPU has no device. */
export async function computedOn(options: EngineOptions): Promise<Computed> {
  if (isRecorded(options.engine)) return options.engine.computed;
  const { precision, name, version, device } = await engineOf(options);
  return { dtype: precision, engine: name, runtime: version, ...device === null ? {} : { device } };
}

/** The text options of a study, with the defaults of its checks filled in. */
export function textOptions(options: SomeText, checks: Checks<TextOptions> = studyChecks): TextOptions {
  return { ...filled(checks, options, ["text", "samples", "length", "skip"]), bos: options.bos ?? false };
}

/** What made a text into tokens: a tokenizer's fingerprint, or "none" where the tokens were given. */
export async function tokenizedBy(model: Pick<StudyModel, "tokenizer">, { text }: Pick<Packed, "text">) {
  return text.name === IDS ? "none" : (await model.tokenizer()).fingerprint;
}

/** What the numbers of one run depend on. */
export async function provenance(
  model: Pick<StudyModel, "identity" | "tokenizer"> & { readonly seed?: number },
  packed: Pick<Packed, "text" | "packing">,
  drop: DropPlan,
  options: EngineOptions,
): Promise<Provenance> {
  return {
    lamina: VERSION,
    model: model.identity,
    ...await computedOn(options),
    tokenizer: await tokenizedBy(model, packed),
    text: packed.text,
    packing: packed.packing,
    drop: planData(drop),
    seed: model.seed ?? null,
  };
}

const REUSED = /: (\d*) ?.*reused from an earlier run$/;

export function tellReused({ onNotice }: Reports, label: string, what = "result"): void {
  onNotice?.(`${label}: ${what} reused from an earlier run`);
}

/** How many results a line of `tellReused` is about; null for any other line. */
export function reusedIn(line: string): number | null {
  const found = REUSED.exec(line);
  return found && Number(found[1] || 1);
}

/** Reports of one stage; the meter starts with the stage. */
export function reporter(label: string, unit: string, { onProgress }: Reports) {
  let report: ((done: number) => void) | undefined;
  return (done: number, total: number) => {
    report ??= meter({ label, total, unit }, onProgress);
    report(done);
  };
}

/** Options with which results are looked up, as they would be computed with these. */
export async function lookingUp<O extends EngineOptions>(options: O): Promise<O> {
  return { ...options, engine: { computed: await computedOn(options) }, memory: undefined };
}
