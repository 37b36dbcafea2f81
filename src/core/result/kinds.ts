/** All kinds of results: the manifests that the forms export. */
import { z } from "zod";
import * as forms from "./forms/mod.ts";
import manifest from "../../../deno.json" with { type: "json" };

type Declared = Extract<(typeof forms)[keyof typeof forms], { readonly method: number }>;
type Named<K> = Extract<Declared, { readonly name: K }>;

/** The kind of a result. */
export type Kind = Declared["name"];
type Results = { [K in Kind]: z.infer<Named<K>["form"]> };
/** The result of a given kind. */
export type ResultOf<K extends Kind> = Results[K];
/** The kinds whose results are kept between runs. */
export type KeptKind = Extract<Declared, { readonly origin: unknown }>["name"];

const declared = Object.values(forms).filter((value): value is Declared => Object.hasOwn(value, "method"));
const byName = <T>(value: (of: Declared) => T) =>
  Object.fromEntries(declared.map((of) => [of.name, value(of)]));

export const manifests = byName((of) => of) as unknown as { readonly [K in Kind]: Named<K> };
export const METHODS = byName(({ method }) => method) as { readonly [K in Kind]: Named<K>["method"] };

/** The fields that begin every result. */
export function head<K extends Kind>(kind: K): { kind: K; method: (typeof METHODS)[K] } {
  return { kind, method: METHODS[kind] };
}

/** Lamina's own version, as results name it. */
export const VERSION: string = manifest.version;
