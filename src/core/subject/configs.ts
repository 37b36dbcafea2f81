/** Configurations without weights: by name from `data/configs`, as a file or folder, or those of any model. */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Check,
  type Checks,
  enter,
  expect,
  failing,
  like,
  list,
  orElse,
  parseJson,
  record,
  type Reports,
  reportsOf,
  required,
  text,
} from "../entry/mod.ts";
import { isFile } from "../disk/mod.ts";
import { allowedFields } from "../models/mod.ts";
import { modelChecks, type ModelOptions, openModel, tellUnused } from "./model.ts";

/** A `config.json` and its name. */
export interface NamedConfig {
  /** Name of the configuration, or of its folder. */
  readonly name: string;
  /** Contents of `config.json`, unchanged. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Unknown fields of `config.json` to ignore. */
  readonly allowFields?: readonly string[] | undefined;
}

const FOLDER = fileURLToPath(new URL("../../../data/configs", import.meta.url));

/**
 * Opens a configuration by its name in `data/configs`, or from a `.json` file, a folder with a `config.json`, or any model that
 * `openModel` opens.
 *
 * @example
 * ```ts
 * import { openConfig } from "lamina/init";
 *
 * const { name, config } = await openConfig("llama-2-7b"); // a name in data/configs
 * console.log(name, config.hidden_size);
 * ```
 */
export async function openConfig(ref: string, options: ModelOptions = {}): Promise<NamedConfig> {
  expect("open a configuration", "its name", ref, text);
  return await enter("open", ref, options, modelChecks, async (options) => {
    const { allowFields } = options;
    return { ...await open(ref, options), ...allowFields ? { allowFields } : {} };
  });
}

/** A configuration that has been opened. */
export const aConfig: Check = record({
  name: required(text),
  config: required(like("an object", (value) => typeof value === "object" && value !== null)),
  allowFields: list(text, "fields"),
}, "a configuration from openConfig");

/** Enters a study of a configuration: checks both, and opens the configuration where a name stands for it. */
export async function onConfig<Options extends Reports, T>(
  verb: string,
  named: NamedConfig | string,
  options: Options,
  checks: Checks<Options>,
  run: (named: NamedConfig, options: Options) => Promise<T>,
): Promise<T> {
  expect(verb, "configuration", named, orElse((value) => typeof value === "string", text, aConfig));
  return await enter(
    verb,
    typeof named === "string" ? named : named.name,
    options,
    checks,
    async (options) =>
      await run(typeof named === "string" ? await openConfig(named, reportsOf(options)) : named, options),
  );
}

async function open(ref: string, options: ModelOptions): Promise<NamedConfig> {
  const known = (await readdir(FOLDER)).map((file) => basename(file, ".json"));
  if (known.includes(ref)) return await readConfigFile(join(FOLDER, `${ref}.json`), ref, options);
  if (ref.endsWith(".json")) {
    const own = basename(ref, ".json");
    return await readConfigFile(ref, own === "config" ? basename(dirname(resolve(ref))) : own, options);
  }
  const inFolder = join(ref, "config.json");
  if (await isFile(inFolder)) return await readConfigFile(inFolder, basename(resolve(ref)), options);
  const { name, config, close } = await openModel(ref, options).catch((error) => {
    throw new Error(`${error.message}; or one of the configurations ${known.join(", ")}`, { cause: error });
  });
  close();
  return { name, config };
}

async function readConfigFile(
  path: string,
  name: string,
  { allowFields = [], onNotice }: ModelOptions,
): Promise<NamedConfig> {
  const bytes = await readFile(path).catch(failing(`Cannot read ${path}`));
  const text = new TextDecoder().decode(bytes); // a byte order mark is left out
  const config = parseJson(text, path) as NamedConfig["config"];
  if (allowFields.length > 0) {
    tellUnused(name, allowFields, allowedFields(config, name, allowFields), onNotice);
  }
  return { name, config };
}
