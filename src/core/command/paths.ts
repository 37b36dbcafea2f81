/**
 * The paths of a command line, checked before any work: every output can be written, and none takes the place of another, or of
 * a file that the command reads. Options declare what they write (`writes`); what they take in other words may be a path that is read.
 */
import type { Command, Option } from "commander";
import {
  checkFolder,
  checkTarget,
  expectNothing,
  isFile,
  isInside,
  isSamePlace,
  type Place,
  placeOf,
} from "../disk/mod.ts";
import { cacheFolder, isModelFile } from "../hub/mod.ts";
import { checkPlanFiles, tensorPath } from "../study/plan_file.ts";
import { isStandardOutput, type Written, writtenBy } from "./destination.ts";
import { misused } from "./relations.ts";

type Typed = { readonly option: Option; readonly value: string };

/** A path, and how an error calls it: "--json mine.json". */
type Named = Readonly<Record<"words" | "path", string>>;

const typed = new WeakMap<Command, Typed[]>();
const [STDIN, STDOUT] = ["/dev/stdin", "/dev/stdout"];

/** From now on, the values of a command's options are kept as they are typed. */
export function recordValues(command: Command): void {
  const values: Typed[] = [];
  typed.set(command, values);
  for (const option of command.options) {
    command.on(`option:${option.name()}`, (value: unknown) => {
      if (typeof value === "string") values.push({ option, value });
    });
  }
}

/** Ends the command as wrongly used where an output is another one or a file that is read. Throws `Error` if one cannot be written. */
export async function checkPaths(command: Command): Promise<void> {
  const flags = command.opts();
  const values = (typed.get(command) ?? []).map((one) => ({ ...one, what: writtenBy(one.option, flags) }));
  const outputs = values.flatMap(({ option, value, what }) =>
    what === null ? [] : [{ words: `${option.long} ${value}`, path: value, what }]
  );
  if (outputs.length === 0) return;
  const read = values.flatMap((one) => one.what === null ? readBy(one) : []);
  const flaw = await clashIn(outputs.flatMap(filesOf), [...argumentsOf(command), ...read]);
  if (flaw !== null) misused(command, flaw);
  for (const { path, what } of outputs) await checkOutput(path, what);
}

function filesOf({ words, path, what }: Named & { readonly what: Written }): Named[] {
  if (what === "kept") return [{ words, path }];
  if (what !== "file" && what !== "plan") return [];
  if (isStandardOutput(path)) return [{ words, path: STDOUT }];
  const tensors = tensorPath(path);
  return [{ words, path }, ...what === "plan" ? [{ words: `${tensors} of ${words}`, path: tensors }] : []];
}

function argumentsOf({ registeredArguments, args }: Command): Named[] {
  return args.flatMap((path, i) => {
    return pathsOf(`<${registeredArguments[Math.min(i, registeredArguments.length - 1)].name()}>`, path);
  });
}

function readBy({ option, value }: Typed): Named[] {
  if (option.argChoices) return [];
  if (/^@[^@]/.test(value)) return [{ words: `${option.long} ${value}`, path: value.slice(1) }];
  return [...new Set([value, ...value.split(",")])].flatMap((path) => pathsOf(option.long!, path));
}

/** A path that may be read, and where a plan is there, the file of its tensors. */
function pathsOf(name: string, path: string): Named[] {
  const words = `${name} ${path}`;
  if (path === "-") return [{ words, path: STDIN }];
  if (!path.endsWith(".json")) return [{ words, path }];
  const tensors = tensorPath(path);
  return [{ words, path }, { words: `${tensors} of ${words}`, path: tensors }];
}

async function clashIn(outputs: readonly Named[], inputs: readonly Named[]): Promise<string | null> {
  const isPiped = outputs.some(({ path }) => path === STDOUT);
  const stdout = !isPiped && await isFile(STDOUT) ? [{ words: "standard output", path: STDOUT }] : [];
  const downloads = { words: "the folder of downloads", path: cacheFolder() };
  const [written, read] = await Promise.all([[...stdout, ...outputs], [...inputs, downloads]].map(placed));
  for (const [i, { words, path, place }] of written.entries()) {
    const replaced = await isFile(path) ? read.filter(({ place }) => place.rest === "") : [];
    for (const other of [...written.slice(0, i), ...replaced]) {
      if (await isSamePlace(place, other.place)) {
        return `${other.words} and ${words} are one file, expected two`;
      }
    }
    for (const folder of replaced) {
      if (await isInside(place, folder.place) && await isModelFile(place.base)) {
        return `${words} is a model's file in ${folder.words}, expected another place`;
      }
    }
  }
  return null;
}

async function placed(all: readonly Named[]): Promise<(Named & { readonly place: Place })[]> {
  const places = await Promise.all(all.map(({ path }) => placeOf(path).catch(() => null)));
  return all.flatMap((named, i) => places[i] ? [{ ...named, place: places[i] }] : []);
}

async function checkOutput(path: string, what: Written): Promise<void> {
  if (what === "kept") return; // where nothing can be kept, the result is shown all the same
  if (what === "folder") return await checkFolder(path);
  if (what === "new folder") await expectNothing(path);
  if (isStandardOutput(path)) return;
  await (what === "plan" ? checkPlanFiles(path) : checkTarget(path));
}
