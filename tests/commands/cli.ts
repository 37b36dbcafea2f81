/** Commands as a person runs them: in a process of their own, from the project's folder, results in a temporary one. */
import { basename } from "node:path";
import { kept } from "../study/tiny.ts";

/** The project. */
export const root = new URL("../../", import.meta.url);
const results = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(results, { recursive: true }));

/** What a command wrote, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `lamina COMMAND …`. */
export function lamina(...args: string[]): Promise<Ran> {
  return laminaIn({}, ...args);
}

/** The same in another environment. */
export async function laminaIn(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "src/cli.ts", ...args],
    cwd: root,
    env: { NO_COLOR: "1", LANG: "C.UTF-8", LAMINA_RESULTS: results, ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Names of the results that commands kept of a folder whose name nothing else has. */
export function keptOf(folder: string): string[] {
  return kept(results).filter((file) => file.includes(basename(folder)));
}
