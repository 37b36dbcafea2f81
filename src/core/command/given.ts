/** Values too long for a command line: "@FILE" for what is in a file, "-" for standard input; "@@" begins a value that begins with "@". */
import { InvalidArgumentError } from "commander";
import { joinBytes, reasonOf } from "../entry/mod.ts";
import { tasksNamed } from "../tasks/mod.ts";

const MOST_BYTES = 2 ** 26;

/** What an option's description says of it. */
export const GIVEN = "@FILE reads a file, - standard input";

let input: string | null = null;

/** The value that an option was given. Throws `InvalidArgumentError` for a file that cannot be read. */
export function given(text: string): string {
  if (text.startsWith("@@")) return text.slice(1);
  if (text === "-") return input ??= readAll("standard input", Deno.stdin);
  if (!text.startsWith("@")) return text;
  const path = text.slice(1);
  try {
    using file = Deno.openSync(path);
    return readAll(path, file);
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw error;
    throw new InvalidArgumentError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

/** The entries of a list, with commas between them; in a file, white space does as well. None for an empty list. */
export function entriesOf(text: string): string[] {
  const value = given(text);
  const list = value === text ? value : value.trim().replaceAll(/[\s,]+/g, ",");
  return list.trim() === "" ? [] : list.split(",").map((entry) => entry.trim());
}

/** Names of tasks, all of them known: a model is fetched after that. */
export function taskList(text: string): string[] {
  const names = entriesOf(text).filter((name) => name !== "");
  if (names.length === 0) throw new InvalidArgumentError("expected the name of one task at least");
  names.forEach(tasksNamed);
  return names;
}

/** All of a file, without the line break at its end. */
function readAll(name: string, file: { readSync(bytes: Uint8Array): number | null }): string {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const part = new Uint8Array(2 ** 16);
    const count = file.readSync(part);
    if (count === null) break;
    parts.push(part.subarray(0, count));
    if ((size += count) > MOST_BYTES) {
      throw new InvalidArgumentError(`${name} is longer than ${MOST_BYTES} bytes`);
    }
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(joinBytes(parts)).replace(/\r?\n$/, "");
  } catch {
    throw new InvalidArgumentError(`${name} holds bytes that are not UTF-8, expected a text`);
  }
}
