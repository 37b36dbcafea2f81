/** The options of every study, and their defaults. */
import { cpuEngine, type Engine } from "../engine/mod.ts";
import { meter, type Progress } from "../hub/mod.ts";
import { type Keeping, type Provenance, VERSION } from "../result/mod.ts";
import type { DropPlan } from "../run/mod.ts";
import type { Packed, StudyModel, TextOptions } from "../subject/mod.ts";

/** Options of a study that runs a model over a text. */
export interface StudyOptions extends Partial<TextOptions>, Keeping {
  /** What runs the model; the CPU by default. */
  readonly engine?: Engine | undefined;
  /** Receives progress reports, at most ten per second. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Ends the study within one module. */
  readonly signal?: AbortSignal | undefined;
}

/** The default calibration text. */
export const CALIBRATION_TEXT = "stories";
/** The default held-out text, on which quality is measured. */
export const HELD_OUT_TEXT = "wiki";

let shared: Engine | undefined;

/** The engine of a study: the given one, else one CPU engine for all. */
export function engineOf({ engine }: Pick<StudyOptions, "engine">): Engine {
  return engine ?? (shared ??= cpuEngine());
}

/** Throws `RangeError` unless the value is an integer of at least `least`; a count is named in the plural. */
export function checkInteger(name: string, value: number, least: number) {
  if (Number.isInteger(value) && value >= least) return;
  const told = name.endsWith("s") ? `${value} ${name}` : `${name} ${value}`;
  throw new RangeError(`Cannot use ${told}: expected an integer of at least ${least}`);
}

/** The text options of a study, with defaults filled in. Throws `RangeError` for sizes out of range. */
export function textOptions(options: StudyOptions, text: string): TextOptions {
  const { samples = 8, length = 512, skip = 0, bos = false } = options;
  checkInteger("samples", samples, 1);
  checkInteger("length", length, 2);
  checkInteger("skip", skip, 0);
  return { text: options.text ?? text, samples, length, skip, bos };
}

/** What the numbers of one run depend on. */
export async function provenance(
  model: Pick<StudyModel, "identity" | "tokenizer">,
  packed: Packed,
  drop: DropPlan,
  options: StudyOptions,
): Promise<Provenance> {
  const engine = engineOf(options);
  return {
    lamina: VERSION,
    model: model.identity,
    dtype: "float32",
    engine: engine.name,
    runtime: engine.version,
    tokenizer: (await model.tokenizer()).fingerprint,
    text: packed.text,
    packing: packed.packing,
    drop: { attention: [...drop.attention], mlp: [...drop.mlp] },
    seed: null,
  };
}

/** Reports of one stage; the meter starts with the stage. */
export function reporter(
  label: string,
  unit: string,
  { onProgress }: StudyOptions,
): (done: number, total: number) => void {
  let report: ((done: number) => void) | undefined;
  return (done, total) => {
    report ??= meter({ label, total, unit }, onProgress);
    report(done);
  };
}
