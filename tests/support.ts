/** What tests of several rooms share: the tiny models, opened; temporary folders; profiles. */
import assert from "node:assert/strict";
import { cpuEngine, type Engine, type Feeds, take } from "core/engine/mod.ts";
import { openModel } from "core/hub/mod.ts";
import { loadFolder, type Model } from "core/models/mod.ts";
import type { Graph } from "core/onnx/mod.ts";
import { type Blocks, withUploaded } from "core/run/mod.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { type Lease, openSafetensors } from "core/weights/mod.ts";
import type { Fixture } from "./fixtures/read.ts";
import { isThorough } from "./tools.ts";

export { isThorough };

/** Whether a release is tested: full products of options, and the real model wherever another takes its place. */
export const isRelease = Boolean(Deno.env.get("LAMINA_CI_ALL"));

/** Registers a test that `deno task test` leaves to `deno task test:all`: ignored there, with that in its name. */
export const thorough: (name: string, fn: Deno.TestDefinition["fn"]) => void = isThorough
  ? Deno.test // itself, so that reports name the caller's file
  : (name, fn) => Deno.test({ name: `${name} (deno task test:all)`, ignore: true, fn });

/** All of a list in `deno task test:all`; in `deno task test` one of it, another with each turn: a row of a matrix takes one column. */
export const byTurns = <T>(all: readonly T[], turn: number): readonly T[] =>
  isThorough ? all : [all[turn % all.length]];

/** All of a list in `deno task test:all`; in `deno task test` every nth of it, the next ones with each turn. */
export const everyNth = <T>(all: readonly T[], n: number, turn = 0): readonly T[] =>
  isThorough ? all : all.filter((_, i) => (i + turn) % n === 0);

/** Registers a row of a matrix: in `deno task test` every third turn, in `deno task test:all` each. */
export const everyThird = (turn: number): typeof thorough => turn % 3 === 0 ? Deno.test : thorough;

/** All of a list before a release; otherwise two of it, the next two with each turn: pairs instead of a full product. */
export const inPairs = <T>(all: readonly T[], turn: number): readonly T[] =>
  isRelease ? all : [0, 1].map((i) => all[(2 * turn + i) % all.length]);

/** Unit roundoff of float32: the largest relative error of one rounded operation. */
export const UNIT = 2 ** -24;

/** One engine for all tests. */
export const engine = cpuEngine();

/** Runs a graph once on tensors; gives all its outputs. */
export async function runGraph(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  on: Engine = engine,
): Promise<Record<string, Tensor>> {
  await using program = released(await on.compile(graph));
  const given = await withUploaded(on, feeds, (held) => program.run(held));
  const taken = Object.entries(given).map(async ([name, held]) => [name, await take(on, held)] as const);
  return Object.fromEntries(await Promise.all(taken));
}

/** The engine, which tells what it compiles, and of each program that it runs or is released. */
export function watchedEngine(
  { onCompile, onRun, onRelease }: {
    readonly onCompile?: (graph: Graph, constants: Feeds) => void;
    readonly onRun?: () => void;
    readonly onRelease?: () => void;
  },
  of: Engine = engine,
): Engine {
  const compile: Engine["compile"] = async (graph, constants = {}) => {
    onCompile?.(graph, constants);
    const program = await of.compile(graph, constants);
    return {
      run(feeds, options) {
        onRun?.();
        return program.run(feeds, options);
      },
      release() {
        onRelease?.();
        return program.release();
      },
    };
  };
  return Object.create(of, { compile: { value: compile } });
}

/** The engine as refusals need it: it computes nothing. */
export const idle: Engine = watchedEngine({ onCompile: () => assert.fail("a graph is compiled") });

/** What a call is given wrongly, words or a pattern of the error, and its class where that is another than most have. */
export type Refusal<Given> = readonly [given: Given, words: string | RegExp, name?: string];

/** Fails unless each of these is refused by an error that begins so and has its words: "TypeError: Cannot …", or a RangeError. */
export async function refuses<Given>(
  start: string,
  call: (given: Given) => unknown,
  refusals: readonly Refusal<NoInfer<Given>>[],
): Promise<void> {
  const [, usual = "RangeError", begin] = /^(?:(\w+): )?(Cannot .*)$/.exec(start)!;
  for (const [given, words, name = usual] of refusals) {
    const { error } = await (async () => await call(given))()
      .then(() => ({ error: null }), (error) => ({ error }));
    const shown = typeof given === "function" ? given : Deno.inspect(given, { depth: 1 });
    const what = `${shown}: ${error}, expected ${name}: ${begin} … ${words}`;
    assert.ok(error?.name === name && error.message.startsWith(begin), what);
    assert.ok(typeof words === "string" ? error.message.includes(words) : words.test(error.message), what);
  }
}

/** The same engine, counting the programs that are not released. */
export function countedEngine(): Engine & { open(): number } {
  let open = 0;
  const on = watchedEngine({ onCompile: () => open++, onRelease: () => open-- });
  return Object.assign(on, { open: () => open });
}

/** A folder in Hugging Face layout as a model; the caller closes it. `change` edits the configuration first. */
export async function openFolder(
  folder: string,
  config = "config.json",
  change: (config: Record<string, unknown>) => void = () => {},
): Promise<Model & Disposable & { close(): void }> {
  const files = await openModel(folder);
  try {
    const raw = JSON.parse(await Deno.readTextFile(`${folder}/${config}`));
    change(raw);
    const model = await loadFolder(files, raw);
    const close = () => {
      model.weights.close();
      files.close();
    };
    return { ...model, close, [Symbol.dispose]: close };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** Changes fields of a folder's config.json. */
export async function changeConfig(folder: string, fields: object): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, ...fields }));
}

/** Copies a model's files into a folder, which it makes. */
export async function copyModel(from: string, to: string, ...more: readonly string[]): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const file of ["config.json", "model.safetensors", ...more]) {
    await Deno.copyFile(`${from}/${file}`, `${to}/${file}`);
  }
}

/** All tensors of a folder's checkpoint. */
export async function tensorsIn(folder: string): Promise<Map<string, Tensor>> {
  const files = await openModel(folder);
  const file = await openSafetensors(files);
  const tensors = new Map<string, Tensor>();
  for (const name of file.tensors.keys()) {
    const tensor = await file.read(name);
    tensors.set(name, { ...tensor, data: tensor.data.slice() } as Tensor);
  }
  file.close();
  files.close();
  return tensors;
}

/** Something that is released when its block ends: `await using opened = released(await decoder(…))`. */
export const released = <T extends { release(): Promise<void> }>(held: T): T & AsyncDisposable =>
  Object.assign(held, { [Symbol.asyncDispose]: () => held.release() });

/** The model with its weights widened before they are fed. */
export function widened({ weights, ...model }: Model): Model {
  const widen = (tensor: Tensor) => float32(tensor.shape, toFloat32(tensor));
  const wide = ({ tensors, release }: Lease): Lease => (
    { tensors: new Map([...tensors].map(([name, tensor]) => [name, widen(tensor)])), release }
  );
  return {
    ...model,
    weights: {
      ...weights,
      storage: () => ({ dtype: "f32" }),
      layer: async (l) => wide(await weights.layer(l)),
      part: async (l, cuts) => wide(await weights.part(l, cuts)),
      outer: async (name, rows) => widen(await weights.outer(name, rows)),
    },
  };
}

/** The texts [N, T] that the expected numbers are of. */
export function blocksOf({ tensors }: Fixture): Blocks {
  const { shape: [samples, length], data } = tensors.get("ids")!;
  return { ids: data as Int32Array, samples, length };
}

/** Random texts of a vocabulary of `words`, the same for the same seed. */
export function randomBlocks(samples: number, length: number, words: number, seed = 1): Blocks {
  let state = seed;
  const next = () => state = Math.imul(state, 1664525) + 1013904223 >>> 0;
  return {
    ids: Int32Array.from({ length: samples * length }, () => Math.floor(next() / 2 ** 32 * words)),
    samples,
    length,
  };
}

/** A folder that exists while `use` runs. */
export async function withFolder<T = void>(use: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Fails unless a number is at most so far from the expected one; NaN is. */
export function near(found: number, expected: number, most: number, what = "number"): void {
  assert.ok(Math.abs(found - expected) <= most, `${what}: found ${found}, expected ${expected} ± ${most}`);
}

/** What a study says while it runs, and how it is told to. */
export function heard(): { readonly notices: string[]; onNotice(line: string): void } {
  const notices: string[] = [];
  return { notices, onNotice: (line) => void notices.push(line) };
}

/** Sums of samples, added up. */
export function added<Sums extends object>(samples: readonly Sums[] | undefined): Sums | undefined {
  return samples?.reduce((total, own) =>
    Object.fromEntries(
      Object.entries(own).map(([key, value]) => [key, value + total[key as keyof Sums]]),
    ) as Sums
  );
}
