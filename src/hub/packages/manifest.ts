/**
 * The models with short names: `data/models.json`, checked as it is read. A name stands for one file,
 * bit for bit; its bytes come from Python packages whose archives are pinned by hash, one chunk in each.
 */
import { isAbsolute, normalize } from "node:path";

/** A pinned Python package and the part of it that is wanted. */
export interface PackageSource {
  readonly package: string;
  readonly version: string;
  /** Bytes of the archive (the wheel). */
  readonly size: number;
  /** SHA-256 of the archive. */
  readonly sha256: string;
  /** The file, or folder, that is wanted, relative to the unpacked package. */
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

const PATH = new URL("../../../data/models.json", import.meta.url);

/** Reads the project's manifest. */
export async function readManifest(): Promise<Manifest> {
  return parseManifest(await Deno.readTextFile(PATH), "data/models.json");
}

/**
 * Checks a manifest. Throws `SyntaxError` if it is not JSON and `TypeError` naming the field if a value does not
 * fit its form; `file` names it in errors.
 */
export function parseManifest(text: string, file: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${file}: ${(error as Error).message}`);
  }
  const root = object(json, file, "");
  const models = list(root.models, file, "models").map((item, i) => model(item, file, `models[${i}]`));
  const names = models.flatMap(({ name, alias }) => [name, alias]);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw fault(file, "models", `the name ${twice} twice`, "unique names");
  const benchmark = object(root.benchmark, file, "benchmark");
  return {
    models,
    benchmark: {
      ...packageSource(benchmark, file, "benchmark"),
      licence: match(benchmark.licence, /\S/, file, "benchmark.licence", "a string"),
    },
  };
}

function model(value: unknown, file: string, where: string): KnownModel {
  const item = object(value, file, where);
  const name = (key: string) => match(item[key], /^[a-z0-9][a-z0-9._-]*$/, file, `${where}.${key}`, "a name");
  const source = list(item.source, file, `${where}.source`)
    .map((part, i) => packageSource(part, file, `${where}.source[${i}]`));
  if (source.length === 0) throw fault(file, `${where}.source`, "an empty list", "a package");
  return {
    name: name("name"),
    alias: name("alias"),
    architecture: name("architecture"),
    licence: match(item.licence, /\S/, file, `${where}.licence`, "a string"),
    file: match(item.file, /^[\w.-]+\.gguf$/, file, `${where}.file`, "the name of a .gguf file"),
    size: bytes(item.size, file, `${where}.size`),
    sha256: sha256(item.sha256, file, `${where}.sha256`),
    source,
  };
}

function packageSource(value: unknown, file: string, where: string): PackageSource {
  const item = object(value, file, where);
  const path = match(item.path, /\S/, file, `${where}.path`, "a path inside the package");
  if (isAbsolute(path) || normalize(path).startsWith("..")) {
    throw fault(file, `${where}.path`, JSON.stringify(path), "a path inside the package");
  }
  return {
    package: match(item.package, /^[A-Za-z0-9][\w.-]*$/, file, `${where}.package`, "the name of a package"),
    version: match(item.version, /^\d[\w.]*$/, file, `${where}.version`, "a version"),
    size: bytes(item.size, file, `${where}.size`),
    sha256: sha256(item.sha256, file, `${where}.sha256`),
    path,
  };
}

function object(value: unknown, file: string, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw fault(file, where, JSON.stringify(value), "an object");
}

function list(value: unknown, file: string, where: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw fault(file, where, JSON.stringify(value), "a list");
}

function match(value: unknown, form: RegExp, file: string, where: string, expected: string): string {
  if (typeof value === "string" && form.test(value)) return value;
  throw fault(file, where, JSON.stringify(value), expected);
}

function bytes(value: unknown, file: string, where: string): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw fault(file, where, JSON.stringify(value), "a number of bytes");
}

function sha256(value: unknown, file: string, where: string): string {
  return match(value, /^[0-9a-f]{64}$/, file, where, "64 hexadecimal digits");
}

function fault(file: string, where: string, found: string, expected: string): TypeError {
  return new TypeError(`Cannot read ${file}: ${where || "the file"} is ${found}, expected ${expected}`);
}
