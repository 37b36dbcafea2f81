/** A kind of result, declared once beside its form: what is kept follows from it, and the type of its results. */
import { z } from "zod";
import { formFlaws } from "../entry/mod.ts";
import { flawIn } from "./keeping/flaws.ts";
import type { Provenance } from "./forms/provenance.ts";
import manifest from "../../../deno.json" with { type: "json" };

/** The form of a result: its kind and method, and its fields. */
type Form<Name extends string, Method extends number, Fields extends z.ZodRawShape> = z.ZodObject<
  { kind: z.ZodLiteral<Name>; method: z.ZodLiteral<Method> } & Fields
>;

/** What is known of a kind besides its name and fields. */
interface Manifest<Method extends number> {
  /**
   * How its numbers are computed, by number. A change of the code that moves them raises it: results kept from the previous method are
   * then computed again, and a file of it is refused. `tests/fixtures/results.json` has the numbers of a tiny model with the method.
   */
  readonly method: Method;
  /** Makes the form of fields; default: fields besides are ignored. */
  readonly make?: (shape: z.ZodRawShape) => z.ZodObject;
}

/** A kind whose results are kept: everything that the numbers of one depend on, as the result itself says. */
interface Kept<Fields extends z.ZodRawShape> {
  readonly origin: (result: z.infer<z.ZodObject<Fields>>) => Provenance;
  /** Whether shards of one study merge: `summed` says how. */
  readonly merges?: true;
}

/** A declared kind. */
export type AnyKind = Manifest<number> & { readonly name: string; readonly form: z.ZodType<Result> };
/** A declared kind whose results are kept. */
export type KeptKind = AnyKind & { readonly origin: (result: never) => Provenance };
/** The results of a kind. */
export type OfKind<K extends AnyKind> = z.infer<K["form"]>;
/** Any result; its form is checked where it is read or written. */
export type Result = { readonly kind: string };

/** The kinds that were declared, by name: they come with the features that are imported. */
export const manifests: Record<string, AnyKind> = {};
export const kindNames = (): string[] => Object.keys(manifests).sort();

/** Declares a kind. */
export function kind<
  const Name extends string,
  const Method extends number,
  Fields extends z.ZodRawShape,
  Own extends Manifest<Method> | Manifest<Method> & Kept<Fields>,
>(name: Name, manifest: Own & Manifest<Method>, fields: Fields) {
  const { method, make = z.object } = manifest;
  const form = make({ kind: z.literal(name), method: z.literal(method), ...fields });
  const own = { ...manifest, name, form: form as unknown as Form<Name, Method, Fields> };
  manifests[name] = own as unknown as AnyKind;
  formFlaws.set(name, (value) => {
    const { error } = form.safeParse(value);
    return error ? flawIn(error, value) : null;
  });
  return own;
}

/** The fields that begin every result. */
export const head = <K extends AnyKind>({ name, method }: K) => (
  { kind: name as K["name"], method: method as K["method"] }
);

/** Lamina's own version, as results name it. */
export const VERSION: string = manifest.version;

/** What a result depends on: its provenance, and the named fields beside it. */
export const depends =
  <const Name extends string>(...own: Name[]) =>
  <T extends { readonly provenance: Provenance } & Record<Name, unknown>>(of: T) => {
    const beside = Object.fromEntries(own.map((name) => [name, of[name]]));
    return { ...of.provenance, ...beside } as Provenance & Pick<T, Name>;
  };
