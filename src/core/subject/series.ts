/** The checkpoints of one training run as models: each is opened in turn, and remote weights are not stored. */
import { type Check, enter, expect, like, type Of, reportChecks, type Reports, text } from "../entry/mod.ts";
import { type SeriesCheckpoint, seriesChecks, seriesFiles } from "../hub/mod.ts";
import { modelChecks, type Outline, outline, type StudyModel } from "./model.ts";

/** A checkpoint of a training run, not opened. */
export interface Checkpoint {
  /** Number of optimiser steps at the checkpoint. */
  readonly step: number;
  /** Name in tables: "pre-ln/step00512", "owner/name@step1000". */
  readonly name: string;
  /** Reads its identity from configuration and tokenizer, without the weights. */
  outline(reports?: Reports): Promise<Outline>;
  /** Opens the checkpoint as a model, which the caller closes. */
  open(reports?: Reports): Promise<StudyModel>;
}

/** The checkpoints of a training run. */
export interface Series {
  /** Name in tables. */
  readonly name: string;
  /** The checkpoints, by ascending step. */
  readonly checkpoints: readonly Checkpoint[];
}

/** The checks of `OpenSeriesOptions`, option by option. */
export const openSeriesChecks = {
  ...seriesChecks,
  /** Unknown fields of `config.json`, and unknown tensors, to ignore, as in `openModel`. */
  allowFields: modelChecks.allowFields,
};

/** Options of `openSeries`. */
export type OpenSeriesOptions = Of<typeof openSeriesChecks>;

export const aSeries: Check = like(
  "a series from openSeries",
  (value) => Array.isArray((value as Series | null)?.checkpoints) && !("kind" in (value as object)),
);

/**
 * Opens a series from a folder with `series.json`, a folder of checkpoint folders (`step1000`, `checkpoint-500`), or
 * `owner/name` on the hub, whose branches or tags are the checkpoints. A tokenizer may be in each checkpoint or next to
 * them. Throws `Error`, which names what was found, if no checkpoint is found.
 *
 * @example
 * ```ts
 * import { openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * console.log(model.name, model.spec.layers.length);
 * ```
 */
export async function openSeries(ref: string, options: OpenSeriesOptions = {}): Promise<Series> {
  expect("open a series", "its name", ref, text);
  const use = (options: OpenSeriesOptions) => seriesFiles(ref, options);
  const { name, checkpoints } = await enter("open", ref, options, openSeriesChecks, use);
  return { name, checkpoints: checkpoints.map((one) => checkpointOf(one, options.allowFields)) };
}

function checkpointOf(
  { step, name, open }: SeriesCheckpoint,
  allowFields: readonly string[] | undefined,
): Checkpoint {
  const enterOpen = <T>(reports: Reports, run: (reports: Reports) => Promise<T>) =>
    enter("open", name, reports, reportChecks, run);
  const read = async (reports: Reports) => {
    const files = await open(reports);
    try {
      if (files.kind === "folder") return await outline(files, { ...reports, allowFields });
      throw new Error(
        `Cannot open ${files.name}: found a GGUF file, expected a folder in Hugging Face layout`,
      );
    } catch (error) {
      files.close();
      throw error;
    }
  };
  return {
    step,
    name,
    outline: (reports = {}) => enterOpen(reports, read),
    open: (reports = {}) =>
      enterOpen(reports, async (reports) => {
        const closed = await read(reports);
        return await closed.open().catch((error) => {
          closed.close();
          throw error;
        });
      }),
  };
}
