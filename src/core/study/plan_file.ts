/** Plans as files: JSON, and beside it the tensors of changes, under the names that the model's own would have. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { checkTarget, type Content, writeTogether } from "../disk/mod.ts";
import { expect, failure, formatBytes, text } from "../entry/mod.ts";
import { fileSource } from "../hub/mod.ts";
import type { Change, TablesChange } from "../measure/mod.ts";
import { manifests, type Plan, planKind, readResult, type Result, resultText } from "../result/mod.ts";
import { changeKind, changeTensorName, isChangeTensorName, keepTensors, tensorsOf } from "../run/mod.ts";
import { float32, type Tensor } from "../tensor/mod.ts";
import { openSafetensors, safetensorsOf, type TensorFile } from "../weights/mod.ts";
import { aPlan } from "./plan.ts";

/** The most bytes of a plan's JSON: one of a hundred layers has some ten thousand. */
const MOST_BYTES = 100e6;

/** Where the tensors of a plan lie: "repaired.safetensors" for "repaired.json". */
export const tensorPath = (path: string): string => `${path.replace(/\.json$/, "")}.safetensors`;

type WithTensors = (Change | TablesChange) & { readonly tensors: string };

function withTensors({ changes = [], tables }: Plan): WithTensors[] {
  return [...changes, ...tables ? [tables] : []].filter((change): change is WithTensors =>
    "tensors" in change && change.tensors !== undefined
  );
}

/** What a fit has of its plan. */
type Fitted = Readonly<{ plan: Plan | null; provenance: Plan["provenance"] }>;

/** The tensors that a change has to bring, with their number of axes. */
const neededBy = (change: WithTensors): Readonly<Record<string, number>> =>
  "to" in change ? changeKind(change).tensors(change) : { importance: 1 };

/**
 * Writes a plan as JSON. Tensors of its changes go into a safetensors file beside it, `repaired.safetensors` for `repaired.json`; a
 * plan without tensors is one file. Neither takes its place before both are on the disk. Throws `Error` if a tensor was neither read
 * nor made in this process, and if a safetensors file that belongs to no plan is there.
 *
 * @example
 * ```ts
 * import { makePlan, openModel, profile, readPlan, writePlan } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const folder = await Deno.makeTempDir();
 * await writePlan(`${folder}/plan.json`, makePlan(result, { target: "attention", drop: 2 }));
 * console.log((await readPlan(`${folder}/plan.json`)).attention); // layers whose attention is dropped
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function writePlan(path: string, plan: Plan): Promise<void> {
  expect("write a plan", "path", path, text);
  expect("write a plan", "plan", plan, aPlan);
  await writeTogether([...await planTensors(path, plan), [path, resultText(plan)]]);
}

/**
 * The file of tensors beside a plan at `path`, with its content; empty for a plan without tensors. Throws `Error` if the file is
 * there and belongs to no plan, such as a model's.
 */
export async function planTensors(path: string, plan: Plan): Promise<[string, Content][]> {
  const tensors = withTensors(plan).flatMap((change) =>
    [...tensorsOf(change)].map(([name, tensor]) => [changeTensorName(change, name), tensor] as const)
  );
  if (tensors.length === 0) return [];
  const file = tensorPath(path);
  await expectPlanTensors(file);
  return [[file, safetensorsOf(new Map(tensors)).parts()]];
}

/** Checks, before anything is computed, that a plan and its tensors can be written. Throws `Error` that names the file. */
export async function checkPlanFiles(path: string): Promise<void> {
  for (const file of [path, tensorPath(path)]) await checkTarget(file, { onDisk: true });
  await expectPlanTensors(tensorPath(path));
}

async function expectPlanTensors(file: string): Promise<void> {
  const there = await stat(file).catch(() => null);
  if (!there || there.isDirectory()) return; // a folder is refused where files are written
  const refused = (found: string, cause?: unknown) =>
    new Error(`Cannot write ${file}: the file there ${found}, expected the tensors of a plan, or no file`, {
      cause,
    });
  const opened = await openFile(file).catch((error) => {
    throw refused("cannot be read", error);
  });
  const names = [...opened.tensors.keys()];
  opened.close();
  const other = names.find((name) => !isChangeTensorName(name));
  if (other !== undefined) throw refused(`holds tensor ${other}`);
  if (names.length === 0) throw refused("holds no tensors");
}

/**
 * Reads a plan, or the plan of a fit, and the tensors of its changes from the safetensors file beside it. Throws `SyntaxError` or `TypeError` for a file
 * that is not a plan, and `Error`, `TypeError` or `RangeError` that names file and tensor if a tensor is missing, has another shape
 * or type than its change needs, is not finite, or is not the one whose SHA-256 the plan holds.
 *
 * @example Not run by tests: it reads a file
 * ```ts ignore
 * import { readPlan } from "lamina";
 *
 * const plan = await readPlan("plan.json"); // and plan.safetensors, where the plan has tensors
 * console.log(plan.attention, plan.mlp);
 * ```
 */
export async function readPlan(path: string): Promise<Plan> {
  expect("read a plan", "path", path, text);
  await expectPlanFile(path);
  const read = await readResult(path, planKind, manifests.fit) as Result & Partial<Fitted>;
  const plan = read.kind === planKind.name
    ? read as Result as Plan
    : read.plan && { provenance: read.provenance, ...read.plan }; // types of blocks need no profile that has one
  if (!plan) throw new TypeError(`Cannot read a plan from ${path}: the fit found nothing that may go`);
  const changes = withTensors(plan);
  if (changes.length === 0) return plan;
  const file = tensorPath(path);
  const first = changeTensorName(changes[0], Object.keys(neededBy(changes[0]))[0]);
  const opened = await openTensors(file, first);
  try {
    for (const change of changes) await readTensors(file, opened, change);
  } finally {
    opened.close();
  }
  return plan;
}

/** Throws `Error` for a pipe or a device, which would be waited for or never end, and for a file too large for a plan. */
async function expectPlanFile(path: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (!there || there.isDirectory()) return; // reading it says what is wrong
  const refused = (found: string, expected: string) =>
    new Error(`Cannot read a plan from ${path}: found ${found}, expected ${expected}`);
  if (!there.isFile()) throw refused("a device or a pipe", "a file on a disk");
  if (there.size > MOST_BYTES) {
    throw refused(`${there.size.toLocaleString("en-US")} bytes`, `at most ${formatBytes(MOST_BYTES)}`);
  }
}

/** Opens the file of tensors; `first` is one that it has to have. */
async function openTensors(file: string, first: string): Promise<TensorFile> {
  try {
    return await openFile(file);
  } catch (error) {
    throw failure(`Cannot read tensor ${first} of ${file}`, error);
  }
}

function openFile(file: string): Promise<TensorFile> {
  return openSafetensors({ name: file, list: () => [basename(file)], open: () => fileSource(file) });
}

async function readTensors(file: string, opened: TensorFile, change: WithTensors): Promise<void> {
  const tensors = new Map<string, Tensor>();
  for (const [name, axes] of Object.entries(neededBy(change))) {
    const stored = changeTensorName(change, name);
    const info = opened.tensors.get(stored);
    const wrong = (found: string, expected: string) =>
      new TypeError(`Cannot read ${file}: tensor ${stored} ${found}, expected ${expected}`);
    if (!info && name.endsWith("_proj.bias")) continue; // few modules have one, and the SHA-256 covers it
    if (!info) throw wrong("is missing", `one of ${opened.tensors.size} tensors`);
    if (info.type !== "F32") throw wrong(`is ${info.type}`, "F32");
    if (info.shape.length !== axes) {
      throw wrong(`has shape [${info.shape}]`, `${axes} ${axes === 1 ? "axis" : "axes"}`);
    }
    const { data } = await opened.read(stored);
    const numbers = (data as Float32Array).slice();
    const odd = numbers.find((value) => !Number.isFinite(value));
    if (odd !== undefined) throw wrong(`holds ${odd}`, "finite numbers");
    tensors.set(name, float32(info.shape, numbers));
  }
  const hash = keepTensors(tensors); // those of another plan do no harm: they are kept under their own hash
  if (hash === change.tensors) return;
  const name = changeTensorName(change, [...tensors.keys()].join(", "));
  const [found, expected] = [hash, change.tensors].map((own) => `${own.slice(0, 16)}…`);
  throw new RangeError(
    `Cannot read ${file}: ${name} has SHA-256 ${found}, expected ${expected}, as the plan says`,
  );
}
