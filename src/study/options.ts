/** The options of every study, and their defaults. */
import { cpuEngine, type Engine } from "../engine/mod.ts";
import { type Checks, like, reportChecks, type Reports, text } from "../entry/mod.ts";
import { meter } from "../hub/mod.ts";
import { type Keeping, type Provenance, VERSION } from "../result/mod.ts";
import type { DropPlan } from "../run/mod.ts";
import { type Packed, type StudyModel, textChecks, type TextOptions } from "../subject/mod.ts";

/** Options of a study that runs a model over a text. */
export interface StudyOptions extends Partial<TextOptions>, Keeping, Reports {
  /** What runs the model; the CPU by default. */
  readonly engine?: Engine | undefined;
}

/** Whether a value is an engine, as far as a study can tell. */
export const anEngine = like(
  "an engine",
  (value) => typeof (value as Partial<Engine> | null)?.compile === "function",
);

/** Checks of what every study can be told. */
export const studyChecks: Checks<StudyOptions> = {
  ...textChecks,
  ...reportChecks,
  results: text,
  engine: anEngine,
};

/** The default calibration text. */
export const CALIBRATION_TEXT = "stories";
/** The default held-out text, on which quality is measured. */
export const HELD_OUT_TEXT = "wiki";

let shared: Engine | undefined;

/** The engine of a study: the given one, else one CPU engine for all. */
export function engineOf({ engine }: Pick<StudyOptions, "engine">): Engine {
  return engine ?? (shared ??= cpuEngine());
}

/** The text options of a study, with defaults filled in. */
export function textOptions(options: StudyOptions, text: string): TextOptions {
  const { samples = 8, length = 512, skip = 0, bos = false } = options;
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
  { onProgress }: Reports,
): (done: number, total: number) => void {
  let report: ((done: number) => void) | undefined;
  return (done, total) => {
    report ??= meter({ label, total, unit }, onProgress);
    report(done);
  };
}
