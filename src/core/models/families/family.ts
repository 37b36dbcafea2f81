/** The declarations of a family: how its configurations are read, and where its tensors lie in Hugging Face's files and in GGUF files. */
import type { Config } from "../config/config.ts";
import type { Header } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import type { NameTable } from "../stored/names.ts";
import type { GgufFile } from "../../weights/mod.ts";

/** An architecture: its configuration as a `ModelSpec`, and its tensors' names in Hugging Face's checkpoints. */
export interface Family {
  readonly spec: (config: Config) => ModelSpec;
  /** Some are stored in several ways, which the names of a checkpoint's tensors tell. */
  readonly names: (spec: ModelSpec, tensors?: ReadonlyMap<string, unknown>) => NameTable;
  /** Its architectures in GGUF files, by `general.architecture`. */
  readonly gguf?: Readonly<Record<string, Architecture>>;
}

/** Families by Hugging Face's `model_type`. */
export type Families = Readonly<Record<string, Family>>;

/**
 * Differences between the GGUF files of an architecture and those of most. Source: llama.cpp's converters (`conversion/`) and the
 * constants of its Python package `gguf`.
 */
export interface Architecture {
  /** The model types that it may be, if not only the family's; the header decides. */
  readonly type?: (header: Header) => string;
  /** Whether rows of q and k are permuted: its rotation pairs neighbours, Hugging Face's pairs halves. */
  readonly permuted?: true;
  /** Whether norms are stored as w, where Hugging Face has w − 1. */
  readonly normsWithOne?: true;
  /** Fields of the configuration besides the usual ones; undefined takes one away. */
  readonly fields?: (header: Header) => Readonly<Record<string, unknown>>;
  readonly stems?: Readonly<Record<string, string>>;
  readonly rows?: (spec: ModelSpec) => NameTable["rows"];
  readonly transform?: (spec: ModelSpec) => NameTable["transform"];
  /** Differences of older files, those that have this tensor in their layers. */
  readonly older?: Required<Pick<Architecture, "stems" | "transform">> & { readonly tensor: string };
  /** The file with tensors as they are named here, where some of it has them in parts. */
  readonly joined?: (file: GgufFile, spec: ModelSpec, name: string) => GgufFile;
}
