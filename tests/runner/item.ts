/** What runs in one process: a heavy file, or light files. */

/** Files that run in one process. */
export interface Item {
  readonly name: string;
  readonly files: readonly string[];
  /** Whether one module imports all the files, so that they share what they import; else each file has its own isolate. */
  readonly grouped: boolean;
  /** What it is expected to take. */
  readonly seconds: number;
  /** Whether it waits for more than half of its time: for a software GPU, for Ray's processes, for a kernel. */
  readonly waits: boolean;
}

/** Seconds of each file in the last recorded run. */
export type Seconds = Readonly<Record<string, number>>;

/** A file that takes as many seconds is an item of its own. */
const HEAVY = 15;
/** Seconds of an item of light files: to start a process and to load the modules takes two. */
const MOST = 45;
/** Seconds of a file without a record: few of them share an item. */
const UNKNOWN = 3;

/** Files that leave a core idle for more than half of their time. */
const WAITS = /^tests\/(?:core\/engine\/web_test|apps\/(?:machines\/ray_test|notebook\/))/;

/** Rooms whose files have isolates of their own: a group of them was not tried, or saved nothing. */
const APART = ["engine", "hub", "libraries"];

/**
 * Changes of what files of a group share: the environment, the folder, the mask, globals, signals, and hooks, which would go round every
 * test of the group; and measurements of it: the memory of the process. What a file does at its end is done at the group's.
 */
const CHANGES =
  /\bDeno\.(?:env\.(?:set|delete)|chdir|umask|addSignalListener)\(|\bprocess\.(?:env(?:\.\w+|\[[^\]]+\]) =[^=]|chdir\()|\bglobalThis\.\w+ =[^=]|\bDeno\.\w+ =[^=]|Object\.(?:assign|defineProperty)\((?:globalThis|Deno)\b|\bDeno\.test\.(?:before(?:All|Each)|afterEach)\(|\bDeno\.memoryUsage\(|\/resident\.ts"/;

/** The room of a test file: the folder below tests/, or below core, features or apps. Files beside the rooms are one. */
export function roomOf(path: string): string {
  const [first = "", second = first] = path.split("/").slice(1, -1);
  return ["core", "features", "apps"].includes(first) ? second : first;
}

/** Whether a file may share globals, and what it imports, with others of its room. */
export function isGroupable(path: string, text: string): boolean {
  return !APART.includes(roomOf(path)) && !CHANGES.test(text);
}

/** Puts the files into items, the longest first. */
export function itemsOf(
  files: readonly string[],
  seconds: Seconds,
  canGroup: (file: string) => boolean,
): Item[] {
  const cost = (file: string) => seconds[file] ?? UNKNOWN;
  const sum = (files: readonly string[]) => files.reduce((total, file) => total + cost(file), 0);
  const [heavy, light] = [true, false].map((is) => files.filter((file) => cost(file) >= HEAVY === is));
  const kinds = Map.groupBy(light, (file) => `${canGroup(file)} ${WAITS.test(file)}`);
  const shares = [...kinds.values()].flatMap((files) => sharesOf(files, cost));
  return [...heavy.map((file) => [file]), ...shares]
    .map((files) => ({
      name: files.length === 1 ? files[0] : nameOf(files),
      files,
      grouped: files.length > 1 && canGroup(files[0]),
      seconds: sum(files),
      waits: WAITS.test(files[0]),
    }))
    .sort((a, b) => b.seconds - a.seconds);
}

function nameOf(files: readonly string[]): string {
  const [first, last] = [files[0], files.at(-1)!].map((file) =>
    file.slice("tests/".length, -"_test.ts".length)
  );
  return `${files.length} files: ${first} … ${last}`;
}

/** The files in their order, cut into shares of at most `MOST` seconds. */
function sharesOf(files: readonly string[], cost: (file: string) => number): string[][] {
  const shares: string[][] = [];
  let room = 0;
  for (const file of files) {
    if (shares.length === 0 || cost(file) > room) {
      shares.push([]);
      room = MOST;
    }
    shares.at(-1)!.push(file);
    room -= cost(file);
  }
  return shares;
}
