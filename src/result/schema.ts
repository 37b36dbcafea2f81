/** The forms of results as JSON Schema, for readers in other languages. */
import { z } from "zod";
import { forms } from "./forms.ts";
import type { Kind } from "./methods.ts";

/** The JSON Schema (draft 2020-12) of a kind of result. */
export function schemaOf(kind: Kind): Record<string, unknown> {
  const { $schema, ...form } = z.toJSONSchema(forms[kind]);
  return { $schema, title: `Lamina result: ${kind}`, ...form };
}
