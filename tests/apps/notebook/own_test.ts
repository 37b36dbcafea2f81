/**
 * The cells for a model of the reader's own, which `LAMINA_OWN` or `LAMINA_SERIES` names, on a trained Llama and on a tiny Qwen2: with every
 * cell that they read from or that reads from them, as one script without a kernel.
 */
import assert from "node:assert/strict";
import { writeSafetensors } from "../../buffer.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { changeConfig, thorough, withFolder } from "../../support.ts";
import { committed, nameOf, notebooks, QUICK, readCode, root } from "./notebook.ts";
import { printed, words } from "../../tools.ts";
import { stretched, writeSmall } from "../../small.ts";

const OWN = /"LAMINA_(?:OWN|SERIES)"/;
const SERIES = `${root}data/series/pre-ln`;
const sizes = { LAMINA_SAMPLES: "2", LAMINA_LENGTH: "32", LAMINA_CONTEXTS: "16", LAMINA_ROUNDS: "1" };

/** The names that a cell declares for the others. */
function declared(cell: string): string[] {
  const statements = cell.matchAll(
    /^(?:const|let|(?:async )?function|type|class|interface) (?:([\w$]+)|([{[].*?[}\]])\s*=)/gms,
  );
  const imported = cell.matchAll(/^import (?:\* as (\w+)|(\{.*?\})) from/gms);
  return [...statements, ...imported].flatMap(([, one, several]) => one ?? several.match(/[\w$]+/g) ?? []);
}

/** Places of the own cells, of those that read what they declare, and of those that all of these read from, in order. */
function around(cells: readonly string[]): number[] {
  const readers = (name: string) =>
    new RegExp(`(?<![\\w$]|(?<!\\.\\.)\\.)${name.replace("$", "\\$")}(?![\\w$])`);
  const names = cells.map((cell) => declared(cell).map(readers));
  const reads = (from: number, to: number) => to > from && names[from].some((name) => name.test(cells[to]));
  const places = cells.keys().toArray();
  const taken = new Set(places.filter((i) => OWN.test(cells[i])));
  for (const i of places) if ([...taken].some((own) => reads(own, i))) taken.add(i);
  for (const i of places.toReversed()) if ([...taken].some((own) => reads(i, own))) taken.add(i);
  return places.filter((i) => taken.has(i));
}

for (const path of committed) {
  const name = nameOf(path);
  const models = { "the trained Llama": withSeries, "a tiny Qwen2": withQwen };
  for (const [model, withOwn] of Object.entries(models)) {
    const test = name === QUICK && model === "a tiny Qwen2" ? Deno.test : thorough;
    test(`${name}: its cells for a model of one's own run on ${model}`, () =>
      withOwn((own) => check(path, own)));
  }
}

function withSeries(use: (own: string) => Promise<void>): Promise<void> {
  return use(`${SERIES}/step04096`);
}

/** The fixture of three layers, each there three times, and of a longer context: the notebooks drop more, and each letter is a token. */
function withQwen(use: (own: string) => Promise<void>): Promise<void> {
  return withTiny(async ({ folder }) => {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    const [layers, count] = [config.num_hidden_layers, 3 * config.num_hidden_layers];
    const layer_types = Array(count).fill("full_attention");
    await writeSafetensors(`${folder}/model.safetensors`, await stretched(folder, layers, count));
    await changeConfig(folder, { num_hidden_layers: count, layer_types, max_position_embeddings: 2048 });
    await use(folder);
  }, "qwen2");
}

function check(path: string, own: string): Promise<void> {
  return withFolder(async (folder) => {
    const cells = (await readCode(path)).map(({ source }) => source);
    const script = around(cells).map((i) => cells[i]).join("\n\n");
    assert.match(script, OWN);
    await writeSmall(`${folder}/small`);
    const small = script.replaceAll('"smollm2-135m"', JSON.stringify(`${folder}/small`));
    await Deno.writeTextFile(`${folder}/own.ts`, small);
    const env = { ...sizes, LAMINA_OWN: own, LAMINA_SERIES: SERIES, LAMINA_RESULTS: `${folder}/results` };
    const args = words`run -A --quiet --no-check --config ${root}deno.json ${folder}/own.ts`;
    assert.notEqual(await printed(Deno.execPath(), args, { cwd: notebooks, env }), "");
  });
}
