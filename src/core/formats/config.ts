/**
 * A folder's `config.json`, to be written again with some fields changed. Numbers keep their spelling: transformers takes 50.0
 * for a number with a fraction, and refuses 50 where it wants one.
 */
import { isRecord } from "../entry/mod.ts";
import { readText } from "../hub/mod.ts";
import { plainConfig, readSpec, untied } from "../models/mod.ts";
import type { Job } from "./job.ts";

/** A configuration, whose numbers are not for computing. */
export type Config = Readonly<Record<string, unknown>>;

/** What the standard library has and its types do not: the text of a number on reading, and on writing. */
interface Spelling {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

const MAX_BYTES = 64 * 2 ** 20;

/**
 * The configuration as it is spelt; the head is the model's own where its file has another than the configuration says. That of packed
 * weights says no longer how they are packed, since they are written as float32.
 */
export async function configOf(job: Job): Promise<Config> {
  const config = await storedConfig(job);
  return job.stored.packed === undefined ? config : ofFloats(config);
}

/** As `configOf`, for weights that are written as they are stored. */
export async function storedConfig({ files, model, fields }: Job): Promise<Config> {
  const { parse, rawJSON } = JSON as unknown as Spelling;
  const text = await readText(await files.open("config.json"), MAX_BYTES);
  const spelt = parse(
    text,
    (_, value, { source }) => typeof value === "number" ? rawJSON(source) : value,
  ) as Config;
  const config = plainConfig(spelt, `${model.name}: config.json`, valuesOf(spelt));
  const isTied = readSpec(valuesOf(config), model.name, model.allowed).head.tied;
  return withFields(isTied && !model.spec.head.tied ? untied(config) : config, fields);
}

/** Without a word of quantisation, and of the type that matrices have now: readers take the type from here. */
function ofFloats({ quantization_config: _, torch_dtype: __, text_config: text, ...config }: Config): Config {
  return { ...config, ...isRecord(text) ? { text_config: ofFloats(text) } : {}, dtype: "float32" };
}

/** The configuration with these fields; a model of text and images has them in its text part. */
export function withFields(config: Config, fields: Config): Config {
  const { text_config: text } = config;
  return isRecord(text) ? { ...config, text_config: { ...text, ...fields } } : { ...config, ...fields };
}

/** The same for computing. */
export const valuesOf = (config: Config): Config => JSON.parse(JSON.stringify(config));
