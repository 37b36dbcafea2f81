/** The project's TypeScript as text, for tests that read it. */

/** A file: its path from `src/` or from the project, its text, and its code without comments. */
export type Source = { readonly path: string; readonly text: string; readonly code: string };

export const uncommented = (code: string) => code.replace(/\/\*[^]*?\*\/|(?<!:)\/\/.*/g, "");

/** The TypeScript files of a folder and of those inside it, or its files of another ending. */
export function readSources(folder: URL, prefix = "", ending = ".ts"): Source[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return readSources(new URL(`${name}/`, folder), `${prefix}${name}/`, ending);
    if (!name.endsWith(ending)) return [];
    const text = Deno.readTextFileSync(new URL(name, folder));
    return [{ path: prefix + name, text, code: uncommented(text) }];
  });
}
