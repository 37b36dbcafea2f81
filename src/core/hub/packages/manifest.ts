/**
 * The models with short names: `data/models.json`, checked as it is read. A name stands for one file,
 * bit for bit; its bytes come from Python packages whose archives are pinned by hash, one chunk in each.
 */
import { isAbsolute, normalize } from "node:path";
import { type Check, expect, isRecord, like, list, parseJson, record, requireAll } from "../../entry/mod.ts";

/** A pinned Python package and the part of it that is used. */
export interface PackageSource {
  readonly package: string;
  readonly version: string;
  /** Bytes of the archive (the wheel). */
  readonly size: number;
  /** SHA-256 of the archive. */
  readonly sha256: string;
  /** The file or folder to use, relative to the unpacked package. */
  readonly path: string;
}

/** A model of the manifest. */
export interface KnownModel {
  /** Its name: one name is one file, bit for bit. */
  readonly name: string;
  /** A shorter name. */
  readonly alias: string;
  /** The `model_type`: "llama". */
  readonly architecture: string;
  /** SPDX identifier, or the author's own name for it. */
  readonly licence: string;
  /** The name of its GGUF file. */
  readonly file: string;
  /** Bytes of that file. */
  readonly size: number;
  /** SHA-256 of that file. */
  readonly sha256: string;
  /** The packages whose files, joined in this order, are the model's file. */
  readonly source: readonly PackageSource[];
}

/** The content of `data/models.json`. */
export interface Manifest {
  readonly models: readonly KnownModel[];
  /** The benchmark rows and calibration texts. */
  readonly benchmark: PackageSource & { readonly licence: string };
}

const PATH = new URL("../../../../data/models.json", import.meta.url);

export async function readManifest(): Promise<Manifest> {
  return parseManifest(await Deno.readTextFile(PATH), "data/models.json");
}

const matching = (form: RegExp, expected: string) =>
  like(expected, (value) => typeof value === "string" && form.test(value));
const complete = (checks: Readonly<Record<string, Check>>) => record(requireAll(checks), "an object");

const name = matching(/^[a-z0-9][a-z0-9._-]*$/, "a name");
const licence = matching(/\S/, "a string");
const archive = {
  package: matching(/^[A-Za-z0-9][\w.-]*$/, "the name of a package"),
  version: matching(/^\d[\w.]*$/, "a version"),
  size: like("a number of bytes", (value) => Number.isSafeInteger(value) && (value as number) > 0),
  sha256: matching(/^[0-9a-f]{64}$/, "64 hexadecimal digits"),
  path: like(
    "a path inside the package",
    (path) =>
      typeof path === "string" && /\S/.test(path) && !isAbsolute(path) && !normalize(path).startsWith(".."),
  ),
};
const filled = like("a package", (value) => !Array.isArray(value) || value.length > 0);
const sources = list(complete(archive), "packages");
const model = complete({
  name,
  alias: name,
  architecture: name,
  licence,
  file: matching(/^[\w.-]+\.gguf$/, "the name of a .gguf file"),
  size: archive.size,
  sha256: archive.sha256,
  source: (value, path) => filled(value, path) ?? sources(value, path),
});

/**
 * Checks a manifest. Throws `SyntaxError` if it is not JSON and `TypeError` naming the field if a value does not
 * fit its form; `file` names it in errors.
 */
export function parseManifest(text: string, file: string): Manifest {
  const json = parseJson(text, file);
  const verb = `read ${file}`;
  expect(verb, "the file", json, like("an object", isRecord));
  const { models, benchmark } = json as unknown as Manifest;
  expect(verb, "models", models, list(model, "models"));
  expect(verb, "benchmark", benchmark, complete({ ...archive, licence }));
  const names = models.flatMap(({ name, alias }) => [name, alias]);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return { models, benchmark };
  throw new TypeError(`Cannot read ${file}: models has the name ${twice} twice, expected unique names`);
}
