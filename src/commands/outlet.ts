/** Where results go: a table for a person, JSON where `--json` says. */
import { writeWhole } from "../disk/mod.ts";
import { type Kind, resultText } from "../result/mod.ts";
import type { Context } from "./context.ts";

/** Whether `--json` names standard output, which is then left to the JSON. */
export function isStandardOutput(json: string | undefined): boolean {
  return json !== undefined && /^(-|\/dev\/stdout|(\/dev|\/proc\/self)\/fd\/1)$/.test(json);
}

/** Writes a result where `--json` says, and prints its table, also where the result cannot be written. */
export async function deliver(
  context: Context,
  json: string | undefined,
  result: { readonly kind: Kind },
  table: () => string,
): Promise<void> {
  if (isStandardOutput(json)) return context.write(resultText(result, 1).trimEnd());
  try {
    if (json !== undefined) await writeWhole(json, resultText(result, 1));
  } finally {
    context.print(table());
  }
}
