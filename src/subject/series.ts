/** The checkpoints of one training run as models: each is opened in turn, and remote weights are not stored. */
import { seriesFiles, type SeriesOptions } from "../hub/mod.ts";
import { type Outline, outline, type StudyModel } from "./model.ts";

/** One checkpoint, not opened. */
export interface Checkpoint {
  /** Optimiser steps so far. */
  readonly step: number;
  /** Its name in tables: "pre-ln/step00512", "owner/name@step1000". */
  readonly name: string;
  /** Its identity, from its configuration and tokenizer; no weights are read. */
  outline(): Promise<Outline>;
  /** Opens it; the caller closes it. */
  open(): Promise<StudyModel>;
}

/** A training run, by step. */
export interface Series {
  /** How tables name it. */
  readonly name: string;
  /** By step, ascending. */
  readonly checkpoints: readonly Checkpoint[];
}

/**
 * Opens a series: a folder with `series.json`, a folder of checkpoint folders (`step1000`, `checkpoint-500`), or
 * `owner/name` on the hub, whose branches or tags are the checkpoints. A tokenizer may be in each checkpoint or next to
 * them. Throws, saying what was found, if there is no checkpoint.
 *
 * @example
 * ```ts
 * import { openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * console.log(model.name, model.spec.layers.length);
 * model.close();
 * ```
 */
export async function openSeries(ref: string, options: SeriesOptions = {}): Promise<Series> {
  const { name, checkpoints } = await seriesFiles(ref, options);
  return {
    name,
    checkpoints: checkpoints.map((checkpoint) => {
      const read = async () => {
        const files = await checkpoint.open();
        try {
          if (files.kind === "folder") return await outline(files);
          throw new Error(
            `Cannot open ${files.name}: found a GGUF file, expected a folder in Hugging Face layout`,
          );
        } catch (error) {
          files.close();
          throw error;
        }
      };
      return {
        step: checkpoint.step,
        name: checkpoint.name,
        outline: read,
        async open() {
          const closed = await read();
          return await closed.open().catch((error) => {
            closed.close();
            throw error;
          });
        },
      };
    }),
  };
}
