/** The project's TypeScript as text, for tests that read it. */

/** A file: its path from `src/` or from the project, its text, and its code without comments. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly code: string;
}

export const uncommented = (code: string) => code.replace(/\/\*[^]*?\*\/|(?<!:)\/\/.*/g, "");

/** The TypeScript files of a folder and of those inside it. */
export function readSources(folder: URL, prefix = ""): Source[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return readSources(new URL(`${name}/`, folder), `${prefix}${name}/`);
    if (!name.endsWith(".ts")) return [];
    const text = Deno.readTextFileSync(new URL(name, folder));
    return [{ path: prefix + name, text, code: uncommented(text) }];
  });
}
