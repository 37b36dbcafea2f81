/**
 * Help on a name of Lamina where a notebook's own ways ask for it: Shift+Tab, which is an `inspect_request`, and a cell `profile?`
 * as in IPython. Deno's kernel knows neither, so the relay answers, from the documentation in the source (show/help.ts).
 */

/** A name, as it may be in JavaScript. */
const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;

/** The name that a cell with nothing but `name?` or `?name` asks about, also behind an import's (`lamina.fit?`); null for any other cell. */
export function nameAsked(code: string): string | null {
  const [, before, after] = code.match(
    /^\s*(?:\?\s*(?:[\w$]+\.)?([\w$]+)|(?:[\w$]+\.)?([\w$]+)\s*\?)\s*;?\s*$/,
  ) ?? [];
  return before ?? after ?? null;
}

/**
 * The name at a place of some code: the one that the cursor touches, else the function of the call that it is in. `position` counts
 * characters, as Jupyter does, not UTF-16 units. Null where no name is.
 */
export function nameAt(code: string, position: number): string | null {
  const at = [...code].slice(0, position).join("").length;
  const touched = [...code.matchAll(NAME)].find(({ index, 0: name }) =>
    index <= at && at <= index + name.length
  );
  if (touched) return touched[0];
  let depth = 0;
  for (let i = at - 1; i >= 0; i--) {
    if (code[i] === ")") depth++;
    else if (code[i] === "(" && depth-- === 0) return code.slice(0, i).match(/([\w$]+)\s*$/)?.[1] ?? null;
  }
  return null;
}

/** The description of a public name; null for another name, and where the documentation cannot be read. */
export async function description(name: string): Promise<string | null> {
  const { helpText, isDocumented } = await import("../show/mod.ts"); // imported at the first request, so that a kernel starts sooner
  try {
    return await isDocumented(name) ? await helpText(name) : null;
  } catch {
    return null;
  }
}
