/**
 * The wheel and the tarball as users have them: installed from the registries into an empty environment, run from a folder
 * elsewhere, and uninstalled. Results and downloads are in the user's folders, and the packages stay as they were unpacked.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { PYTHON, pythonOf } from "core/hub/mod.ts";
import { withTiny } from "../core/study/tiny.ts";
import { isThorough, withFolder } from "../support.ts";
import { filesIn, obstacle, pack, PROGRAM, run, succeed, userOf, version } from "./packages.ts";

const linux = Deno.build.os === "linux"; // the paths below are those of Linux
const why = linux ? await obstacle() : "expected Linux";
const packed = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(packed, { recursive: true }));
let packages: ReturnType<typeof pack>;

/** A test of the packages, which are made for the first. */
function packageTest(name: string, test: (folder: string) => Promise<void>): void {
  Deno.test({
    name: name + (isThorough ? why && ` (skipped: ${why})` : " (deno task test:all)"),
    ignore: why !== "" || !isThorough,
    fn: () => {
      packages ??= pack(packed);
      return withFolder(test);
    },
  });
}

packageTest(
  "packed again by a user with another umask, both packages have the same bytes",
  async (folder) => {
    const usual = Deno.umask(0o077); // inherited by the second process
    const again = pack(folder);
    Deno.umask(usual);
    const [first, second] = await Promise.all([packages, again]);
    for (const kind of ["wheel", "tarball"] as const) {
      const [one, other] = await Promise.all([first, second].map((made) => Deno.readFile(made[kind])));
      assert.ok(one.length > 1e6);
      assert.ok(one.every((byte, i) => byte === other[i]) && one.length === other.length, kind);
    }
  },
);

packageTest(
  "the wheel runs from anywhere, writes to the user's folders, and pip removes it whole",
  async (folder) => {
    const venv = join(folder, "venv");
    await succeed(PYTHON, ["-m", "venv", venv], { cwd: folder });
    const pip = (...args: string[]) => succeed(pythonOf(venv), ["-m", "pip", "-q", ...args], { cwd: folder });
    await pip("install", (await packages).wheel);
    await checkInstalled(folder, join(venv, "bin", "lamina"), join(venv, "lib"));
    const code = "import lamina_lab; print(lamina_lab.FOLDER)";
    const own = (await succeed(pythonOf(venv), ["-c", code], { cwd: folder })).trim();
    await checkImport(folder, own);
    await checkWorkspace(folder, own);
    await pip("uninstall", "--yes", "lamina-lab");
    assert.deepEqual([...filesIn(venv).keys()].filter((path) => /lamina/i.test(path)), []);
  },
);

packageTest(
  "the tarball runs from anywhere, writes to the user's folders, and npm removes it whole",
  async (folder) => {
    await Deno.writeTextFile(`${folder}/package.json`, "{}");
    const npm = (...args: string[]) =>
      succeed("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
    await npm("install", (await packages).tarball);
    const modules = join(folder, "node_modules");
    await checkInstalled(folder, join(modules, ".bin", "lamina"), join(modules, "lamina-lab"));
    const own = join(modules, "lamina-lab", "lamina");
    await checkImport(folder, own);
    await checkWorkspace(folder, own);
    await Deno.writeTextFile(`${folder}/named.mjs`, 'import "lamina-lab";');
    for (const [program, ...args] of [["node"], [Deno.execPath(), "run", "-A"]]) {
      const { code, err } = await run(program, [...args, "named.mjs"], { cwd: folder });
      assert.notEqual(code, 0);
      assert.match(
        err,
        /Cannot import "lamina-lab": it is TypeScript for Deno, .* deno@[\d.]+ run -A --config=/,
      );
    }
    await npm("uninstall", "lamina-lab");
    const left = [...filesIn(folder).keys()].filter((path) => path.startsWith("node_modules"));
    assert.deepEqual(left.filter((path) => !/\.package-lock\.json$/.test(path)), []);
  },
);

/** Runs an installed `lamina` from another folder; nothing of the package at `unpacked` may change by it. */
async function checkInstalled(folder: string, lamina: string, unpacked: string): Promise<void> {
  const user = join(folder, "user");
  const where = { cwd: await Deno.makeTempDir({ dir: folder }), env: await userOf(user) };
  const before = filesIn(unpacked);
  assert.equal(await succeed(lamina, ["--version"], where), `${version}\n`);
  const help = await succeed(lamina, ["cache", "--help"], where);
  assert.match(help, new RegExp(`^  ${user}/cache/lamina +downloads$`, "m"));
  assert.match(help, new RegExp(`^  ${user}/data/lamina/results +results and pages$`, "m"));
  const doctor = await succeed(lamina, ["doctor", "--json", "-"], where);
  const engine = JSON.parse(doctor).findings.find(({ part }: { part: string }) => part === "ONNX Runtime");
  assert.ok(engine.works, engine.found);
  await withTiny(async ({ folder: model, options }) => {
    const study = ["--text", options.text!, "--samples", "2", "--length", "16"];
    assert.match(await succeed(lamina, ["profile", model, ...study], where), /attention/);
  });
  assert.deepEqual(filesIn(unpacked), before);
  const written = [...filesIn(user).keys()];
  assert.ok(written.some((path) => /^data\/lamina\/results\/profile-.*\.json$/.test(path)), `${written}`);
  const expected = /^(data\/lamina\/results|cache\/lamina)\//;
  assert.deepEqual(written.filter((path) => !expected.test(path)), []);
  assert.deepEqual([...filesIn(where.cwd)], []);
}

/** A program elsewhere imports the library with the package's own configuration. */
async function checkImport(folder: string, own: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/program.ts`, PROGRAM);
  const args = ["run", "-A", "--frozen", `--config=${own}/deno.json`, "program.ts"];
  assert.equal(await succeed(Deno.execPath(), args, { cwd: folder }), "smollm2-135m\n");
}

/** The notebooks are copied for the reader, whose changes stay, and what runs beside them imports the library. */
async function checkWorkspace(folder: string, own: string): Promise<void> {
  const user = join(folder, "reader");
  const env = await userOf(user);
  const before = filesIn(own);
  const code =
    `import { workspace } from "${own}/src/apps/lab/workspace.ts"; console.log(await workspace());`;
  await Deno.writeTextFile(`${folder}/make.ts`, code);
  const args = ["run", "-A", "--frozen", `--config=${own}/deno.json`, "make.ts"];
  const make = async () => (await succeed(Deno.execPath(), args, { cwd: folder, env })).trim();
  const made = await make();
  assert.equal(made, `${user}/data/lamina`);
  const names = [...Deno.readDirSync(`${made}/notebooks`)].map(({ name }) => name);
  assert.ok(names.length >= 9 && names.every((name) => name.endsWith(".ipynb")), names.join());
  const changed = `${made}/notebooks/${names[0]}`;
  await Deno.writeTextFile(changed, "changed");
  await make();
  assert.equal(await Deno.readTextFile(changed), "changed");
  await Deno.writeTextFile(`${made}/notebooks/program.ts`, PROGRAM);
  const reader = { cwd: `${made}/notebooks`, env };
  assert.equal(await succeed(Deno.execPath(), ["run", "-A", "program.ts"], reader), "smollm2-135m\n");
  assert.ok((await Deno.stat(`${made}/data/series/pre-ln/series.json`)).isFile);
  assert.deepEqual(filesIn(own), before);
}
