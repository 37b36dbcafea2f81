/** The packages of `task pack`, made once, and what installs and runs them away from this checkout. */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import { missingPackages } from "core/hub/mod.ts";
import { printed, type Ran, ran } from "../tools.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const version = manifest.version;

/** Where and in which environment a program runs. */
type Where = { readonly cwd: string; readonly env?: Record<string, string> };

export const run = (program: string, args: readonly string[], where: Where): Promise<Ran> =>
  ran(program, args, quiet(where));

/** The same, of a program that must succeed; gives what it printed. */
export const succeed = (program: string, args: readonly string[], where: Where): Promise<string> =>
  printed(program, args, quiet(where));

const quiet = ({ cwd, env }: Where) => (
  { cwd, env: { NO_COLOR: "1", PIP_DISABLE_PIP_VERSION_CHECK: "1", ...env } }
);

/** Why nothing can be packed here; empty where it can. */
export async function obstacle(): Promise<string> {
  const missing = await missingPackages();
  if (missing.length > 0) return `${missing.join(", ")} not found`;
  const npm = await run("npm", ["--version"], { cwd: root }).then(({ code }) => code, () => 1);
  return npm === 0 ? "" : "npm not found";
}

/** Packs into a folder; gives the paths of the wheel and of the tarball. */
export async function pack(folder: string): Promise<{ wheel: string; tarball: string }> {
  await succeed(Deno.execPath(), ["run", "-A", "--quiet", ".ci/pack.ts", folder], { cwd: root });
  return {
    wheel: join(folder, `lamina_lab-${version}-py3-none-any.whl`),
    tarball: join(folder, `lamina-lab-${version}.tgz`),
  };
}

/** The environment of a user whose folders are all below one, apart from Deno's packages, which are here already. */
export async function userOf(folder: string): Promise<Record<string, string>> {
  const info = await succeed(Deno.execPath(), ["info", "--json"], { cwd: root });
  return {
    XDG_CACHE_HOME: join(folder, "cache"),
    XDG_DATA_HOME: join(folder, "data"),
    DENO_DIR: JSON.parse(info).denoDir,
    LAMINA_CACHE: "",
    LAMINA_RESULTS: "",
    CUDA_VISIBLE_DEVICES: "",
    DENO_WEBGPU_BACKEND: "metal", // none on Linux: a Vulkan driver keeps a cache of its own
  };
}

/** Every file below a folder, with its size and time of change. */
export function filesIn(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(path)) {
      const inside = join(path, name);
      if (isDirectory) visit(inside);
      else {
        const { size, mtime } = Deno.lstatSync(inside);
        found.set(relative(folder, inside), `${size} ${mtime?.getTime()}`);
      }
    }
  };
  visit(folder);
  return found;
}

/** A program of somebody else's that imports Lamina. */
export const PROGRAM = `import { knownModels } from "lamina/cache";
console.log((await knownModels())[0].alias);
`;
