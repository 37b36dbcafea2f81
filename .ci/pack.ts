/**
 * Writes two packages of the same files, equal bytes each time: `deno task pack [FOLDER]`, by default into `dist`.
 *
 *     lamina_lab-VERSION-py3-none-any.whl   for pip; pyproject.toml says what is in it
 *     lamina-lab-VERSION.tgz                for npm; made of the wheel's files
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../deno.json" with { type: "json" };
import { missingPackages, PYTHON } from "../src/core/hub/mod.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const NPM = Deno.build.os === "windows" ? "npm.cmd" : "npm";
/** In the tarball, files lie below this folder: a package.json beside deno.json would count for Deno's lock. */
const BELOW = "lamina";

/** Modes of new files, which npm packs. */
const UMASK = 0o022;

/** Writes both packages; gives their paths. */
async function pack(target: string): Promise<string[]> {
  const missing = await missingPackages();
  if (missing.length > 0) throw new Error(`Cannot pack: ${missing.join(", ")} not found`);
  if (Deno.build.os !== "windows") Deno.umask(UMASK);
  await Deno.mkdir(target, { recursive: true });
  const wheel = join(target, `lamina_lab-${manifest.version}-py3-none-any.whl`);
  const tarball = join(target, `lamina-lab-${manifest.version}.tgz`);
  await run(PYTHON, ["-m", "pip", "wheel", "--quiet", "--no-deps", `--wheel-dir=${target}`, root]);
  const staged = await Deno.makeTempDir();
  try {
    await run(PYTHON, ["-m", "zipfile", "-e", wheel, staged]);
    await stage(staged);
    await run(NPM, ["pack", "--silent", `--pack-destination=${target}`, join(staged, "package")]);
  } finally {
    await Deno.remove(staged, { recursive: true });
  }
  return [wheel, tarball];
}

/** Makes the folder `package` of npm's tarball out of the unpacked wheel. */
async function stage(folder: string): Promise<void> {
  const inside = join(folder, "package", BELOW);
  await Deno.mkdir(join(folder, "package"));
  await Deno.rename(join(folder, "lamina_lab"), inside);
  await Deno.remove(join(inside, "__init__.py"));
  for (const [name, to] of [["docs/package.md", "README.md"], ["LICENSE", "LICENSE"]]) {
    await Deno.copyFile(join(root, name), join(folder, "package", to));
  }
  const text = JSON.stringify(await packageJson(), null, 2) + "\n";
  await Deno.writeTextFile(join(folder, "package", "package.json"), text);
}

/** npm's description of the package; the version is deno.json's, the release of Deno pyproject.toml's. */
async function packageJson(): Promise<Record<string, unknown>> {
  const project = await Deno.readTextFile(join(root, "pyproject.toml"));
  const field = (pattern: RegExp) => project.match(pattern)![1];
  return {
    name: "lamina-lab",
    version: manifest.version,
    description: field(/^description = "(.*)"$/m),
    license: manifest.license,
    bin: { lamina: `${BELOW}/src/launch/lamina.cjs` },
    exports: `./${BELOW}/src/launch/import.mjs`,
    dependencies: { deno: field(/"deno==(.*)"/) },
    engines: { node: ">=18" },
  };
}

/** Runs a program to its end, with its complaints shown. Throws where it fails. */
async function run(program: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args, stdin: "null", stdout: "null" }).output();
  if (!success) throw new Error(`Cannot pack: ${program} ${args.slice(0, 3).join(" ")} failed`);
}

for (const path of await pack(resolve(Deno.args[0] ?? join(root, "dist")))) {
  console.log(`${path}  ${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB`);
}
