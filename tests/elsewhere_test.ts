/**
 * Lamina used from another folder, as docs/notebooks.md shows: the installed command, a project that imports it by path and
 * measures something of its own, the kernel for other Jupyters, and results read into pandas.
 */
import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";
import { missingPackages, PYTHON } from "core/hub/mod.ts";
import { register } from "../src/apps/lab/jupyter.ts";
import { schemaFiles, schemaFolder } from "./fixtures/make_schema.ts";
import {
  committed,
  kernelTest,
  nameOf,
  readCode,
  runPython,
  textOf,
  writeNotebook,
  writeScript,
} from "./apps/notebook/notebook.ts";
import { thorough, withFolder } from "./support.ts";
import { printed, ran, unless, words } from "./tools.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const page = await Deno.readTextFile(`${root}docs/notebooks.md`);
/** The page's blocks of code, by their first words. */
const shown = (start: RegExp) => {
  const blocks = (page.match(/(?:^ {4}.*\n|^\n(?= {4}))+/gm) ?? []).map((block) =>
    block.replace(/^ {4}/gm, "")
  );
  return blocks.find((block) => start.test(block))!;
};

const run = (command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}) =>
  printed(command, args, { cwd, env: { NO_COLOR: "1", ...env } });

Deno.test("an installed `lamina` runs from any folder", () =>
  withFolder(async (folder) => {
    const [install] = page.match(/deno install .*/)!;
    const args = install.split(/\s+/).slice(1).map((word) =>
      /^(deno\.json|src\/)/.test(word) ? root + word : word
    );
    await run(Deno.execPath(), [...args, "--root", folder], folder);
    await Deno.symlink(Deno.execPath(), `${folder}/bin/deno`);
    const out = await run(`${folder}/bin/lamina`, ["models"], folder, {
      PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
    });
    assert.match(out, /smollm2-135m/);
  }));

/** Writes the page's project, which imports Lamina by path, and its script `mine.ts`, on a small model and text. */
async function layProject(folder: string): Promise<void> {
  const config = shown(/importMap/).replace(
    /"[^"]*deno\.json"/,
    JSON.stringify(pathToFileURL(`${root}deno.json`).href),
  );
  const script = shown(/observe/).replace('"smollm2-135m"', "model").replace("\n\n", "\n").replace(
    "await observe",
    `import { openSeries } from "lamina/series";
       const model = await (await openSeries("${root}data/series/pre-ln")).checkpoints.at(-1)!.open();
       await observe`,
  ).replace("samples: 2, length: 128", `samples: 2, length: 32, text: "${root}README.md"`);
  await Deno.writeTextFile(`${folder}/deno.json`, config);
  await Deno.writeTextFile(`${folder}/mine.ts`, `${script}\nmodel.close();\n`);
}

/** What `deno check` finds wrong with the sources, the page's script and the notebooks' cells: a line each, with code and place. */
async function flawsElsewhere(): Promise<string[]> {
  let flaws: string[] = [];
  await withFolder(async (folder) => {
    await layProject(folder);
    // With errors of their own: if those are the only ones, the types were checked, and there are no others.
    const wrong = 'import * as lamina from "lamina";\nlamina.profile(1);';
    for (const name of ["wrong.ts", "cells_wrong.ts"]) await Deno.writeTextFile(`${folder}/${name}`, wrong);
    const cells = committed.map((path) => `cells_${nameOf(path)}.ts`);
    for (const [i, path] of committed.entries()) await writeScript(`${folder}/${cells[i]}`, path);
    const args = ["check", "--quiet", "mine.ts", "wrong.ts", "cells_wrong.ts", ...cells];
    const { err: said } = await ran(Deno.execPath(), args, { cwd: folder, env: { NO_COLOR: "1" } });
    flaws = [...said.matchAll(/^(TS\d+) [^]*? at (\S+:\d+):\d+$/gm)].map(([, code, place]) =>
      `${code} ${place.replace(`${pathToFileURL(folder)}/`, "")}`
    );
    assert.equal(flaws.length, said.match(/TS\d+/g)?.length, said);
  });
  return flaws;
}

let found: Promise<string[]> | undefined;

for (
  const [what, wrong, isCell] of [
    ["the sources and the page's script", "wrong.ts", false],
    ["the notebooks' cells", "cells_wrong.ts", true],
  ] as const
) {
  thorough(
    `${what} have correct types under a project's own settings, which are Deno's defaults`,
    async () => {
      const flaws = await (found ??= flawsElsewhere());
      assert.deepEqual(flaws.filter((flaw) => / cells_/.test(flaw) === isCell), [`TS2345 ${wrong}:2`]);
    },
  );
}

Deno.test("a project elsewhere imports Lamina by path and runs the page's script", () =>
  withFolder(async (folder) => {
    await layProject(folder);
    const lines = (await run(Deno.execPath(), ["run", "-A", "mine.ts"], folder)).trim().split("\n");
    assert.equal(lines.length, 8, "a line for each of the eight layers");
    for (const [layer, line] of lines.entries()) {
      const [number, value] = line.split(/\s+/).map(Number);
      assert.equal(number, layer);
      assert.ok(value > 0 && value < 1000, line);
    }
  }));

kernelTest("the registered kernel runs a notebook in its folder", () =>
  withFolder(async (folder) => {
    const before = Deno.env.get("JUPYTER_DATA_DIR");
    Deno.env.set("JUPYTER_DATA_DIR", `${folder}/jupyter`);
    try {
      assert.equal(await register(), `${folder}/jupyter/kernels/lamina`);
    } finally {
      if (before === undefined) Deno.env.delete("JUPYTER_DATA_DIR");
      else Deno.env.set("JUPYTER_DATA_DIR", before);
    }
    await Deno.rename(`${folder}/jupyter/kernels/lamina`, `${folder}/jupyter/kernels/elsewhere`);
    await layNotebook(`${folder}/mine`);
    const options = words`--to=notebook --execute --inplace --ExecutePreprocessor.kernel_name=elsewhere`;
    await runPython(["-m", "nbconvert", ...options, `${folder}/mine/mine.ipynb`], {
      JUPYTER_DATA_DIR: `${folder}/jupyter`,
    });
    const shown = (await readCode(`${folder}/mine/mine.ipynb`)).map(({ outputs }) => outputs[0]);
    assert.match(textOf(shown[0], "text/html")!, /smollm2-135m/);
    const beside = `cwd,helper,layers\n${folder}/mine,a helper beside the notebook,3\n`;
    assert.equal(textOf(shown[1], "text/plain"), beside);
  }));

/** A notebook that uses what lies beside it: a module, and a model. */
async function layNotebook(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/tiny`, { recursive: true });
  for (const name of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(`${root}tests/fixtures/models/llama/${name}`, `${folder}/tiny/${name}`);
  }
  await Deno.writeTextFile(
    `${folder}/helper.ts`,
    'export const helper: string = "a helper beside the notebook";',
  );
  await writeNotebook(`${folder}/mine.ipynb`, [
    'import { openModel, show } from "lamina";\nimport { knownModels } from "lamina/cache";\nawait show(await knownModels());',
    `import { helper } from "./helper.ts";
     const { layers } = (await openModel("./tiny")).identity;
     await show([{ cwd: Deno.cwd(), helper, layers }]);`,
  ]);
}

Deno.test("data/schema is what the forms say", async () => {
  const files = schemaFiles();
  const found = new Set([...Deno.readDirSync(schemaFolder)].map(({ name }) => name));
  const again = "where this is meant: deno run -A tests/fixtures/make_schema.ts";
  const odd = [...found.symmetricDifference(new Set(files.keys()))];
  assert.deepEqual(odd, [], `${odd}: a file or a kind without the other; ${again}`);
  for (const [name, text] of files) {
    assert.equal(await Deno.readTextFile(new URL(name, schemaFolder)), text, `${name} differs; ${again}`);
  }
});

const missing = await missingPackages();
if (missing.length > 0) {
  unless("no Python")("results in pandas", () => {});
} else {
  thorough(
    "results of every kind fit their schema and are read into pandas",
    () =>
      withFolder(async (folder) => {
        const python = await pandasPython();
        const golden = JSON.parse(await Deno.readTextFile(`${root}tests/fixtures/results.json`));
        await Deno.writeTextFile(`${folder}/tables.py`, shown(/pandas/));
        const counts = new Map<string, string[]>();
        const { profile } = golden;
        await Deno.writeTextFile(`${folder}/profile.json`, JSON.stringify(profile));
        const own = await run(python, ["tables.py"], folder);
        const importance: number[] = profile.attention.importance;
        assert.match(own, /result\.attention/);
        importance.forEach((value) => assert.ok(own.includes(value.toFixed(6)), `${value} in ${own}`));
        for (const result of Object.values<typeof profile>(golden)) {
          await Deno.writeTextFile(`${folder}/profile.json`, JSON.stringify(result));
          const out = await run(python, ["tables.py"], folder);
          counts.set(result.kind, [...out.matchAll(/^result\S*/gm)].map(([name]) => name));
          await Deno.writeTextFile(`${folder}/check.py`, CHECK);
          await run(
            python,
            ["check.py", `${fileURLToPath(schemaFolder)}${result.kind}.json`, "profile.json"],
            folder,
          );
        }
        for (const [kind, tables] of counts) assert.ok(tables.length > 0, `${kind} has tables`);
      }),
  );
}

/** Holds a result against a schema; and sees that the same with a field of the wrong type does not pass. */
const CHECK = `
import json, sys, jsonschema
schema, result = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(result, schema)
try: jsonschema.validate({**result, "method": "none"}, schema)
except jsonschema.ValidationError: pass
else: sys.exit("a wrong result passed")
`;

/** A Python of its own with pandas and jsonschema, made once. */
async function pandasPython(): Promise<string> {
  const venv = `${root}data/venv-pandas`;
  const requirements = `${root}tests/fixtures/requirements-pandas.txt`;
  const python = `${venv}/bin/python`;
  const stamp = `${venv}/requirements.txt`;
  const wanted = await Deno.readTextFile(requirements);
  if (await Deno.readTextFile(stamp).catch(() => "") !== wanted) {
    await run(PYTHON, ["-m", "venv", "--clear", venv], root);
    await run(
      python,
      ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements],
      root,
    );
    await Deno.writeTextFile(stamp, wanted);
  }
  return python;
}
