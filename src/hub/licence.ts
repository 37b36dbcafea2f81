/** The licence that a folder's own card states: `license` in the front matter of its README.md. */
import { join } from "node:path";
import { oneLine } from "../entry/mod.ts";
import { statOrNull } from "./cache/cache.ts";

/** Bytes of a card that are read: its front matter comes first. */
const MOST_BYTES = 2 ** 16;
/** Characters of a licence that are shown. */
const MOST_LICENCE = 100;

/** The licence, or null where no card states one. */
export async function licenceIn(folder: string): Promise<string | null> {
  const path = join(folder, "README.md");
  if (!(await statOrNull(path))?.isFile) return null;
  try {
    return licenceOf(await headOf(path));
  } catch { // a card that cannot be read states nothing
    return null;
  }
}

/** What the front matter of a card calls the licence: its name where the identifier is "other". */
export function licenceOf(card: string): string | null {
  const [, front] = /^---\r?\n([^]*?)\r?\n---\s*(?:\r?\n|$)/.exec(card) ?? [];
  const field = (name: string) => {
    const [, value] = new RegExp(`^${name}:[ \\t]*(.+?)[ \\t]*$`, "m").exec(front ?? "") ?? [];
    return value === undefined ? "" : oneLine(value.replace(/^(["'])(.*)\1$/, "$2"), MOST_LICENCE);
  };
  const licence = field("license");
  return (licence === "other" && field("license_name")) || licence || null;
}

async function headOf(path: string): Promise<string> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(MOST_BYTES);
  let end = 0;
  for (;;) {
    const read = await file.read(bytes.subarray(end));
    if (!read) return new TextDecoder().decode(bytes.subarray(0, end));
    end += read;
  }
}
