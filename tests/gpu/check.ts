/**
 * What a GPU computes, and how fast: for whoever has one. `deno task gpu-check`, or
 *
 *     deno run -A tests/gpu/check.ts [--engine cuda|webgpu|cpu] [--precision float32,tf32,bfloat16] [--only SECTIONS] [--json FILE]
 *
 * By default on CUDA, else on WebGPU, in every precision of the engine. Sections: `families`, each tiny model beside Hugging Face's
 * numbers; `residents`, each in blocks, and the real model where its file has them, beside the same numbers widened on the CPU, and their
 * times; `kernels`, each beside its reference; `studies`, of a real model beside the same on the CPU; `benches`, beside
 * PyTorch on the same card where `--python` has it. `--help` lists the sizes. Exit code 1 where something is off.
 */
import { basename, join } from "node:path";
import { type Engine, openEngine, PRECISIONS, precisionsOf, type Wanted } from "core/engine/mod.ts";
import { cacheFolder } from "core/hub/mod.ts";
import { VERSION } from "core/result/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { fixtureNames } from "../fixtures/read.ts";
import { engine as cpu } from "../support.ts";
import { benchRows, torchLacks } from "./benches.ts";
import { fixtureRow } from "./fixtures.ts";
import { kernelRows } from "./kernels.ts";
import { blockRow, isInBlocks, residentRows } from "./residents.ts";
import { isGood, type Report, reportText, type Row, type Skipped } from "./report.ts";
import { type Studied, studiesOn, studyRows } from "./studies.ts";
import { readArguments } from "../bench/shared.ts";

const SECTIONS = ["families", "residents", "kernels", "studies", "benches"];

const options = {
  ...{ engine: "", precision: "", only: SECTIONS.join(), families: fixtureNames.join() },
  ...{ model: "smollm2-135m", text: "stories", samples: 4, length: 512, drops: 4, tokens: 32 },
  ...{ "bench-samples": 8, "bench-length": 2048, steps: 48, contexts: "64,1024", rounds: 3 },
  ...{ python: "python3", json: "", help: false },
};

/** Runs what a command line asks for; tells of each row as it comes. */
export async function check(args: string[], onRow: (row: Row) => void = () => {}): Promise<Report> {
  const values = readArguments(options, args);
  const { samples, length, drops, tokens, steps, rounds } = values;
  const sections = listOf("--only", values.only, SECTIONS);
  const families = listOf("--families", values.families, fixtureNames);
  const first = await chosen(values.engine);
  const has = precisionsOf[first.name as keyof typeof precisionsOf];
  const wanted = listOf("--precision", values.precision || has.join(), PRECISIONS);
  const precisions = wanted as typeof PRECISIONS[number][];
  const rows: Row[] = [];
  const skipped: Skipped[] = [];
  /** Rows of one part; where it throws, a row that says so. */
  async function attempt(section: string, precision: string, what: string, run: () => Promise<Row[]>) {
    const found = await run().catch((error: Error): Row[] => [
      { section, precision, what: `${what}: ${error.message}`, value: 1, unit: "failed", most: 0 },
    ]);
    rows.push(...found);
    found.forEach(onRow);
  }
  const isOpened = sections.includes("studies") || sections.includes("residents");
  const model = isOpened ? await openModel(values.model) : null;
  let expected: Studied | undefined;
  try {
    for (const precision of precisions) {
      const engine = await openEngine({ engine: first.name, precision });
      if (sections.includes("families")) {
        for (const name of families) {
          await attempt("families", precision, name, async () => [await fixtureRow(engine, name)]);
        }
      }
      if (model && sections.includes("residents")) {
        for (const name of families) {
          const rows = async () => [await blockRow(engine, name)].filter((row) => row !== null);
          await attempt("residents", precision, name, rows);
        }
        if (await isInBlocks(model)) {
          const sizes = { samples, length, steps };
          await attempt("residents", precision, values.model, () => residentRows(engine, model, sizes));
        } else skipped.push({ section: `residents of ${values.model}`, reason: "its file has no blocks" });
      }
      if (sections.includes("kernels")) {
        if (engine.access) await attempt("kernels", precision, "all", () => kernelRows(engine));
        else skipped.push({ section: "kernels", reason: "the CPU runs none" });
      }
      if (model && sections.includes("studies")) {
        const sizes = { text: values.text, samples, length, drops, tokens };
        await attempt("studies", precision, values.model, async () => {
          expected ??= await studiesOn(cpu, model, sizes);
          return studyRows(engine, model, await studiesOn(engine, model, sizes, expected.profile), expected);
        });
      }
      if (sections.includes("benches")) {
        const lacks = torchLacks(values.python, engine);
        if (lacks !== null) {
          skipped.push({ section: `PyTorch beside the benches, ${precision}`, reason: lacks });
        }
        const sizes = { samples: values["bench-samples"], length: values["bench-length"], steps, rounds };
        const contexts = values.contexts.split(",").map(Number);
        const python = lacks === null ? values.python : null;
        await attempt(
          "benches",
          precision,
          values.model,
          async () =>
            await benchRows(engine, { path: await pathOf(values.model), ...sizes, contexts, python }),
        );
      }
    }
  } finally {
    model?.close();
  }
  const { name, version, device } = first;
  const works = rows.every(isGood);
  return { lamina: VERSION, engine: name, runtime: version, device, precisions, works, rows, skipped };
}

/** The engine that is asked for; by default CUDA, else WebGPU. */
async function chosen(name: string): Promise<Engine> {
  if (name !== "") {
    return await openEngine({ engine: listOf("--engine", name, ENGINES)[0] as Wanted["engine"] });
  }
  try {
    return await openEngine({ engine: "cuda" });
  } catch (error) {
    console.error((error as Error).message);
    return await openEngine({ engine: "webgpu" });
  }
}

const ENGINES = Object.keys(precisionsOf);

/** Names, of those that there are. */
function listOf(option: string, text: string, names: readonly string[]): string[] {
  const list = text.split(",").map((name) => name.trim());
  const wrong = list.find((name) => !names.includes(name));
  if (wrong === undefined) return list;
  throw new RangeError(`Cannot check: ${option} is "${wrong}", expected some of ${names.join(", ")}`);
}

/** The file or folder of a model, which Python opens too: a name of the manifest is one file below the cache. */
async function pathOf(ref: string): Promise<string> {
  if (await Deno.stat(ref).then(() => true, () => false)) return await Deno.realPath(ref);
  const model = await openModel(ref);
  const { name } = model;
  model.close();
  const folder = join(cacheFolder(), "models", basename(name));
  const [file] = [...Deno.readDirSync(folder)].filter((entry) => entry.name.endsWith(".gguf"));
  return join(folder, file.name);
}

if (import.meta.main) {
  const values = readArguments(options);
  if (values.help) {
    for (const [name, usual] of Object.entries(options)) console.log(`--${name}${usual && ` (${usual})`}`);
    Deno.exit(0);
  }
  const report = await check(Deno.args, ({ section, precision, what, value, unit }) => {
    console.error(`${section}, ${precision}: ${what}: ${value.toPrecision(3)} ${unit}`);
  }).catch((error: Error): never => {
    console.error(error.message); // a device or a model that is not there
    Deno.exit(1);
  });
  console.log(reportText(report));
  if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(report, null, 1) + "\n");
  Deno.exit(report.works ? 0 : 1);
}
