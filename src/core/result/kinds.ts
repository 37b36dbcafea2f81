/** All kinds of results, and all studies, by their types: features declare them. */
import type { z } from "zod";
import { declared, declaredMethods } from "./kind.ts";
import manifest from "../../../deno.json" with { type: "json" };

/** What features export, as types: nothing of a feature runs here. */
type Exports = (typeof import("../../features/mod.ts"))["modules"][number];
type Forms = Exports | typeof import("./forms/plan.ts") | typeof import("./forms/shards.ts");
/** Kinds are constants that end in `Kind`. */
type KindIn<Files> = Files extends unknown ? Files[keyof Files & `${string}Kind`] : never;
/** The kinds by name. */
export type Kinds = {
  readonly [K in Extract<KindIn<Forms>, { readonly name: string }> as K["name"]]: K;
};

/** Studies as features declare them, each with its name. */
type Listed = Exports["default"] extends infer Own
  ? Own extends { readonly studies: infer All } ? Entry<All> : never
  : never;
type Entry<All> = { [Name in keyof All]: [Name, All[Name]] }[keyof All];
/** The studies by name. */
export type Studies = { readonly [Own in Listed as Own[0]]: Own[1] };

/** The kind of a result. */
export type Kind = keyof Kinds;
type Results = { [K in Kind]: z.infer<Kinds[K]["form"]> };
/** The result of a given kind. */
export type ResultOf<K extends Kind> = Results[K];
/** The kinds whose results are kept between runs. */
export type KeptKind = { [K in Kind]: Kinds[K] extends { readonly origin: unknown } ? K : never }[Kind];

/** What is known of each kind. Kinds come with the features that are imported. */
export const manifests = declared as unknown as { readonly [K in Kind]: Kinds[K] };
/** The names of all kinds. */
export const kindNames = (): Kind[] => Object.keys(manifests).sort() as Kind[];
/** The methods of all kinds. */
export const METHODS = declaredMethods as { readonly [K in Kind]: Kinds[K]["method"] };

/** The fields that begin every result. */
export const head = <Own extends { readonly name: string; readonly method: number }>(
  { name, method }: Own,
) => ({
  kind: name as Own["name"],
  method: method as Own["method"],
});

/** Lamina's own version, as results name it. */
export const VERSION: string = manifest.version;
