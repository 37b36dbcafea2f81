/**
 * The checkpoints of one training run, as files, in three forms: a folder with `series.json`, a folder of checkpoint
 * folders whose names carry the step, and a repository of the hub whose branches or tags do.
 *
 * Weights on the hub are read over the network on demand and not stored.
 */
import {
  type Check,
  expect,
  like,
  list,
  type Of,
  parseJson,
  reportChecks,
  type Reports,
  wholeNumber,
} from "../entry/mod.ts";
import { basename, dirname, join, resolve } from "node:path";
import { isFolder, statOrNull } from "./cache/cache.ts";
import { fileSource, readText } from "./file.ts";
import type { ModelFiles } from "./files.ts";
import { hubModel, parseHubId, refuseOffline } from "./remote/huggingface.ts";
import { SERIES_LIST } from "./layout.ts";
import { localFolder, namesIn } from "./local.ts";
import { askRefs } from "./remote/hub_api.ts";

/** One checkpoint, not opened. */
export interface SeriesCheckpoint {
  /** Optimiser steps so far. */
  readonly step: number;
  /** Its name in tables: "pre-ln/step00512", "owner/name@step1000". */
  readonly name: string;
  open(reports?: Reports): Promise<ModelFiles>;
}

/** The checks of `SeriesOptions`, option by option. */
export const seriesChecks = {
  ...reportChecks,
  /** Their steps; default: at most twelve, evenly spaced on a logarithmic axis. */
  steps: list(wholeNumber(0), "steps"),
};

/** Which checkpoints to open, and where to report progress. */
export type SeriesOptions = Of<typeof seriesChecks>;

/** The checkpoints of a run, by step. */
type SeriesFiles = { readonly name: string; readonly checkpoints: readonly SeriesCheckpoint[] };

const MAX_LIST = 2 ** 20; // bytes

/**
 * Lists a series: a folder or `owner/name`. Throws `Error` saying what was found if there is none, `SyntaxError` or
 * `TypeError` for a malformed `series.json`, `RangeError` for steps that do not exist.
 */
export async function seriesFiles(ref: string, options: SeriesOptions = {}): Promise<SeriesFiles> {
  if (await isFolder(ref)) return await folderSeries(ref, options);
  const repo = /^[.~/\\]/.test(ref) ? null : parseHubId(ref);
  if (!repo || ref.includes("@") || await statOrNull(ref)) {
    throw new Error(
      `Cannot open the series ${ref}: expected a folder of checkpoints or owner/name of the hub`,
    );
  }
  await refuseOffline(repo);
  const refs = new Map((await askRefs(repo, options.signal)).map(({ name, commit }) => [name, commit]));
  const { run, others } = namedSteps(refs.keys());
  checkFound(run, ref, "branches and tags", [...refs.keys()]);
  if (others.length > 0) {
    options.onNotice?.(
      `${ref}: ${run.length} checkpoints named like ${run[0].name}; ignored: ${quoted(others)}`,
    );
  }
  return {
    name: ref,
    checkpoints: chooseSteps(run, options.steps, ref).map(({ step, name }) => ({
      step,
      name: `${ref}@${name}`,
      async open(reports) {
        const files = await hubModel({ ...repo, revision: refs.get(name)! }, { ...reports, stream: true });
        return { ...files, name: `${ref}@${name}` };
      },
    })),
  };
}

async function folderSeries(path: string, { steps }: SeriesOptions): Promise<SeriesFiles> {
  const listed = await statOrNull(join(path, SERIES_LIST));
  const { name, run } = listed ? await readList(join(path, SERIES_LIST)) : await listFolders(path);
  return {
    name,
    checkpoints: chooseSteps(run, steps, path).map(({ step, name: folder }) => ({
      step,
      name: `${name}/${folder}`,
      open: () => localFolder(join(path, folder), { name: `${name}/${folder}`, tokenizerFrom: () => path }),
    })),
  };
}

/** The folder of the series that a checkpoint's folder belongs to: the one around it, if that lists it or its name carries a step. */
export async function seriesAround(path: string): Promise<string | null> {
  const folder = resolve(path);
  const around = dirname(folder);
  const listed = await statOrNull(join(around, SERIES_LIST));
  const run = listed ? (await readList(join(around, SERIES_LIST))).run : namedSteps([basename(folder)]).run;
  return run.some(({ name }) => name === basename(folder)) ? around : null;
}

async function listFolders(path: string): Promise<{ name: string; run: NamedStep[] }> {
  const found: string[] = [];
  for await (const name of namesIn(path)) if (await isFolder(join(path, name))) found.push(name);
  found.sort();
  const { run } = namedSteps(found);
  checkFound(run, path, `${SERIES_LIST} or folders`, found);
  return { name: basename(resolve(path)), run };
}

function checkFound(run: readonly NamedStep[], series: string, what: string, found: readonly string[]): void {
  if (run.length > 0) return;
  throw new Error(
    `Cannot open the series ${series}: found ${found.length ? quoted(found) : "nothing"}, ` +
      `expected ${what} named by their step, such as step1000, checkpoint-500 or stage1-step1000-tokens5B`,
  );
}

/** The name of something in a folder, which stays there on every system. */
const aPlainName = (expected: string) =>
  like(expected, (name) => typeof name === "string" && /^\w[\w.-]{0,99}$/.test(name));
const aStep = like("a number of steps", (step) => Number.isSafeInteger(step) && step as number >= 0);

/** Reads `series.json`: { "kind": "series", "name": …, "checkpoints": [{ "step": …, "folder": … }] } and more. */
async function readList(file: string): Promise<{ name: string; run: NamedStep[] }> {
  const text = await readText(await fileSource(file), MAX_LIST);
  const { kind, name, checkpoints } = (parseJson(text, file) ?? {}) as Record<string, unknown>;
  const check = (field: string, value: unknown, fits: Check) => expect(`read ${file}`, field, value, fits);
  check("kind", kind, like('"series"', (kind) => kind === "series"));
  check("name", name, aPlainName("a plain name"));
  check(
    "checkpoints",
    checkpoints,
    like("a list of checkpoints", (of) => Array.isArray(of) && of.length > 0),
  );
  let last = -1;
  const run = (checkpoints as unknown[]).map((entry, i): NamedStep => {
    const { step, folder } = (entry ?? {}) as { readonly step: number; readonly folder: string };
    check(`checkpoints[${i}].step`, step, aStep);
    check(`checkpoints[${i}].folder`, folder, aPlainName("the name of a folder next to it"));
    check(`checkpoints[${i}].step`, step, like("more than the previous step", () => step > last));
    return { step: last = step, name: folder };
  });
  return { name: name as string, run };
}

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => JSON.stringify(name)).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

interface NamedStep {
  readonly name: string;
  /** Optimiser steps so far. */
  readonly step: number;
}

/** `step1000` (Pythia), `stage1-step1000-tokens5B` (OLMo), `checkpoint-500` (Hugging Face), `iter_0002384` (Megatron, MAP-Neo). */
const NAME = /^([\w.-]*?(?:step|checkpoint|ckpt|iter)[-_]?)(\d{1,15})(?:[-_][\w.-]*)?$/i;
/** How many checkpoints are studied by default. */
const MOST = 12;

/**
 * The checkpoints among some names, by step. Names of one run differ only in their numbers; of several runs (OLMo's second stage
 * counts from 0 again), the one with the most checkpoints is used, and `others` are the rest.
 */
export function namedSteps(names: Iterable<string>): { run: NamedStep[]; others: string[] } {
  const runs = new Map<string, Map<number, string>>();
  for (const name of names) {
    const [, stem, digits] = NAME.exec(name) ?? [];
    if (stem === undefined) continue;
    const run = runs.get(stem) ?? new Map<number, string>();
    if (!run.has(Number(digits))) run.set(Number(digits), name);
    runs.set(stem, run);
  }
  const bySize = [...runs.values()].sort((a, b) => b.size - a.size);
  return {
    run: [...bySize[0] ?? []].map(([step, name]) => ({ step, name })).sort((a, b) => a.step - b.step),
    others: bySize.slice(1).flatMap((run) => [...run.values()]),
  };
}

/**
 * The checkpoints of the wanted steps, or at most twelve, evenly spaced on a logarithmic axis, including the first and
 * the last. `series` names them in the `RangeError` for a step that does not exist.
 */
export function chooseSteps<T extends { readonly step: number }>(
  checkpoints: readonly T[],
  wanted: readonly number[] | undefined,
  series: string,
): T[] {
  if (!wanted) return spaced(checkpoints);
  const missing = wanted.find((step) => !checkpoints.some((checkpoint) => checkpoint.step === step));
  if (missing === undefined && wanted.length > 0) {
    return checkpoints.filter(({ step }) => wanted.includes(step));
  }
  const known = checkpoints.map(({ step }) => step);
  throw new RangeError(
    `Cannot study ${series}: ${
      missing === undefined ? "found an empty list of steps" : `step ${missing} is missing`
    }, expected some of ${
      known.length > 40 ? [...known.slice(0, 38), "…", known.at(-1)].join(", ") : known.join(", ")
    }`,
  );
}

function spaced<T extends { readonly step: number }>(checkpoints: readonly T[]): T[] {
  if (checkpoints.length <= MOST) return [...checkpoints];
  const at = checkpoints.map(({ step }) => Math.log1p(step));
  const [first, last] = [at[0], at.at(-1)!];
  const chosen = Array.from({ length: MOST }, (_, i) => {
    const wanted = first + (last - first) * i / (MOST - 1);
    return at.reduce(
      (best, place, k) => Math.abs(place - wanted) < Math.abs(at[best] - wanted) ? k : best,
      0,
    );
  });
  return [...new Set(chosen)].map((k) => checkpoints[k]);
}
