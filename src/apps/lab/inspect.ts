/**
 * Help on a name of Lamina where a notebook's own ways ask for it: Shift+Tab, which is an `inspect_request`, a cell `profile?` as in
 * IPython, and Tab behind `{`, which completes options. Deno's kernel knows none of them, so the relay answers, from the documentation
 * in the source (show/help.ts).
 */
import type { JupyterMessage } from "./message.ts";

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
  const at = unitsOf(code, position);
  const touched = [...code.matchAll(NAME)].find(({ index, 0: name }) =>
    index <= at && at <= index + name.length
  );
  if (touched) return touched[0];
  let open = openBefore(code, at);
  while (open >= 0 && code[open] !== "(") open = openBefore(code, open);
  return calledAt(code, open);
}

/** The function whose options are being named at a place of some code, as in `profile(model, { le`, and the letters so far; else null. */
export function optionAt(code: string, position: number): { name: string; begun: string } | null {
  const before = code.slice(0, unitsOf(code, position));
  const [, begun] = before.match(/[{,]\s*([\w$]*)$/) ?? [];
  if (begun === undefined) return null;
  const brace = openBefore(before, before.length);
  if (code[brace] !== "{" || !/[(,]\s*$/.test(code.slice(0, brace))) return null; // a list, or the body of a function
  const name = calledAt(code, openBefore(code, brace));
  return name === null ? null : { name, begun };
}

const unitsOf = (code: string, position: number): number => [...code].slice(0, position).join("").length;

/** Where the bracket is that is open at a place of some code; −1 without one. Those in texts count too. */
function openBefore(code: string, at: number): number {
  let depth = 0;
  for (let i = at - 1; i >= 0; i--) {
    if (")]}".includes(code[i])) depth++;
    else if ("([{".includes(code[i]) && depth-- === 0) return i;
  }
  return -1;
}

/** The function that is called by this parenthesis; null without one. */
function calledAt(code: string, open: number): string | null {
  return code[open] === "(" ? code.slice(0, open).match(/([\w$]+)\s*$/)?.[1] ?? null : null;
}

/** A reply to a request; `shown` is what a cell that makes it shows. */
export type Reply = { readonly content: object; readonly shown?: object };

/**
 * What makes the reply to a request for help on a name or for the names of options; null for any other request. It gives null where the
 * kernel has to reply: for a name that is not Lamina's, and where the documentation cannot be read.
 */
export function replierTo({ header, content }: JupyterMessage): (() => Promise<Reply | null>) | null {
  const [code, position] = [String(content.code ?? ""), Number(content.cursor_pos)];
  const helping = (name: string | null, reply: (data: object) => Reply) =>
    name === null ? null : async () => {
      const text = await description(name);
      return text === null ? null : reply({ data: { "text/plain": text }, metadata: {} });
    };
  switch (header.msg_type) {
    case "execute_request":
      return helping(nameAsked(code), (data) => ({
        content: { status: "ok", payload: [], user_expressions: {} },
        shown: { ...data, transient: {} },
      }));
    case "inspect_request":
      return helping(nameAt(code, position), (data) => ({ content: { status: "ok", found: true, ...data } }));
    case "complete_request": {
      const option = optionAt(code, position);
      return option && (async () => {
        const matches = (await optionsOf(option.name)).filter((name) => name.startsWith(option.begun));
        const place = { cursor_start: position - option.begun.length, cursor_end: position };
        return matches.length === 0 ? null : { content: { status: "ok", matches, ...place, metadata: {} } };
      });
    }
  }
  return null;
}

/** The description of a public name; null for another name, and where the documentation cannot be read. */
export async function description(name: string): Promise<string | null> {
  const { helpText, isDocumented } = await documentation();
  try {
    return await isDocumented(name) ? await helpText(name) : null;
  } catch {
    return null;
  }
}

/** The names of a public function's options; none for another name, and where the documentation cannot be read. */
async function optionsOf(name: string): Promise<string[]> {
  const { optionNames } = await documentation();
  return await optionNames(name).catch(() => []);
}

const documentation = () => import("../notebook/help.ts");
// imported at the first request, so that a kernel starts sooner
