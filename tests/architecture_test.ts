/**
 * The plan of the house: which room may import which, and what only one room may do. A rule is a function from what
 * the files say to the places where they break it; each is shown to find a made-up breach before it is put to `src/`.
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
/**
 * Rooms of the core; rooms inside a room, the lower first, beside files that serve them all; and what only some files do: the rule, its pattern,
 * those files, and a made-up file that breaks it.
 */
import lists from "./architecture.json" with { type: "json" };
import { readSources, type Source, uncommented } from "./sources.ts";

/**
 * The lines that say something which each folder may have, without `tests/bench`. A change that adds lines removes as many; nobody raises a
 * bound. A folder in `src/features` beyond those counted here brings lines of its own.
 */
const BOUNDS = { src: 40_376, tests: 31_835, feature: 300, features: 16 };

/** What each room of the core may import: rooms above it in the list only. Features and apps import any of them. */
const rooms = Object.fromEntries(
  Object.entries(lists.rooms).map(([room, row]) => [
    `core/${room}`,
    row.split(" ").filter(Boolean).map((other) => `core/${other}`),
  ]),
);

/** An import; `to` is a path from `src/`, or the name of a package. */
type Edge = { readonly from: string; readonly to: string };

/** `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`, those of types too. */
function importsOf({ path, code }: Pick<Source, "path" | "code">): Edge[] {
  return [...code.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, to]) => ({
    from: path,
    to: to.startsWith(".") ? join(dirname(path), to) : to,
  }));
}

function upwardImportsInside(edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) =>
    Object.entries(lists.inner).some(([room, row]) => {
      const floors = row.split(" ");
      const floor = (path: string) =>
        path.startsWith(`core/${room}/`) ? floors.indexOf(path.slice(room.length + 6).split("/")[0]) : -1;
      return floor(from) >= 0 && floor(to) >= 0 && floor(from) < floor(to);
    })
  ).map(show);
}

/** The room of the core, the feature or the app of a file; null for the files above them and for packages. */
const roomOf = (path: string) => path.match(/^(?:core|features|apps)\/\w+(?=\/)/)?.[0] ?? null;
const show = ({ from, to }: Edge) => `${from} → ${to}`;

function upwardImports(edges: readonly Edge[]): string[] {
  const heights = ["core/", "features/", "apps/"];
  const height = (path: string) => heights.findIndex((start) => path.startsWith(start));
  return edges.filter(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)];
    if (height(from) >= 0 && height(from) < height(to)) return true;
    return room !== null && other !== null && room !== other && rooms[room]?.includes(other) === false;
  }).map(show);
}

/** Circles of rooms, features and apps: what each imports, taken together. */
function circleOfRooms(edges: readonly Edge[]): string[] {
  return cycle(edges.flatMap(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)];
    return room && other && room !== other ? [{ from: room, to: other }] : [];
  }));
}

/**
 * Besides `mod.ts`: files of commands, for the command line; the outlet to notebooks, for the public API and for the kernel's help alone,
 * since importing it takes over the stop button.
 */
const sideDoors = [
  /^apps\/cli\/program\.ts → apps\/\w+\/\w*command\.ts$/,
  /^mod\.ts → apps\/notebook\/cell\.ts$/,
  /^apps\/lab\/inspect\.ts → apps\/notebook\/help\.ts$/,
];

/** Doors inside a room, for what most of its visitors do not need. */
const INNER_DOORS = ["decode", "repair", "requests"].map((own) => `core/run/${own}/mod.ts`);

/** Frames, whose files are doors: of studies, of what is shown, of commands. A feature imports what it needs of them and no more. */
const FRAMES = ["core/study", "core/show", "core/command"];

function importsPastTheDoor(edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) => {
    const other = roomOf(to);
    return other !== null && other !== roomOf(from) && to !== `${other}/mod.ts` && !FRAMES.includes(other) &&
      !INNER_DOORS.includes(to);
  }).map(show).filter((edge) => !sideDoors.some((door) => door.test(edge)));
}

function importsOfTheTop(edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) => roomOf(from) !== null && /^[^/]+\.ts$/.test(to)).map(show);
}

/** Imports of the list of features and of what is typed by it, which the public doors and the command line need. */
const LISTING = ["apps/cli/"];
function importsOfTheList(edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) =>
    /^features\/\w+\.ts$/.test(to) && roomOf(from) !== null && !LISTING.some((app) => from.startsWith(app))
  ).map(show);
}

function importersOf(name: string, allowed: string, edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) =>
    (to === name || to.startsWith(`${name}/`)) && !from.startsWith(allowed)
  )
    .map(show);
}

function users(
  pattern: RegExp,
  allowed: readonly string[],
  sources: readonly Pick<Source, "path" | "code">[],
): string[] {
  return sources.filter(({ path, code }) =>
    pattern.test(code) && !allowed.some((room) => path.startsWith(room) || path.endsWith(room))
  )
    .map(({ path }) => path);
}

/** A way along imports from a file back to itself, or none. */
function cycle(edges: readonly Edge[]): string[] {
  const targets = Map.groupBy(edges, ({ from }) => from);
  const finished = new Set<string>();
  function visit(file: string, way: readonly string[]): string[] {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (finished.has(file)) return [];
    for (const { to } of targets.get(file) ?? []) {
      const found = visit(to, [...way, file]);
      if (found.length > 0) return found;
    }
    finished.add(file);
    return [];
  }
  return [...targets.keys()].map((file) => visit(file, [])).find((found) => found.length > 0) ?? [];
}

/** Texts with a verb, errors apart, which say what cannot be done and what is expected. */
function sentences(sources: readonly Pick<Source, "path" | "code">[]): string[] {
  const isSentence = (text: string) =>
    !/Cannot |expected/.test(text) && / (?:is|are|can|cannot|has|have|needs?|takes?|gains?) /.test(text);
  return sources.flatMap(({ path, code }) =>
    (code.match(/"[^"\n]*"|`[^`]*`/g) ?? []).filter(isSentence).map((text) => `${path}: ${text}`)
  );
}

/** Files that show: the room, and tables, figures and words of features and pages. */
const SHOWING =
  /^(?:core\/show|apps\/(?:pages|notebook))\/|^features\/\w+\/(?:figures\/|\w*(?:table|figures|words|chart)\.ts)/;

/** Exports that no file names in a list of imports, nor as a member of something; forms export their kinds for a list of all. */
function unread(files: readonly Pick<Source, "path" | "code">[], readers: readonly Pick<Source, "code">[]) {
  const read = new Set(readers.flatMap(({ code }) => [
    ...[...code.matchAll(/\{([^{}]*)\}\s*(?:from\b|=\s*await\b)/g)].flatMap(([, names]) =>
      names.match(/[\w$]+/g) ?? []
    ),
    ...[...code.matchAll(/\.([\w$]+)/g)].map(([, name]) => name),
  ]));
  return files.flatMap(({ path, code }) =>
    [...code.matchAll(/^export (?:async )?(?:function\*?|const|class|interface|type) ([\w$]+)/gm)]
      .filter(([, name]) => !read.has(name) && !name.endsWith("Kind")).map(([, name]) => `${path}: ${name}`)
  );
}

/**
 * The lines of a file that say something: no comments, blank lines, imports, lists of exports or closing brackets alone; 100 bytes of JSON
 * are a line.
 */
function says({ path, text }: Pick<Source, "path" | "text">): number {
  if (path.endsWith(".json")) return Math.ceil(new TextEncoder().encode(text).length / 100);
  const code = text.replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""));
  let count = 0;
  let isInList = false;
  for (const line of code.split("\n").map((line) => line.replace(/(^|\s)\/\/.*$/, "").trim())) {
    if (isInList) {
      const ends = /[;}]\s*(from\s+["'].*)?;?$/.test(line);
      isInList = !ends || !line.includes("from") && !line.endsWith(";");
    } else if (/^(import\b(?!\()|export\s+(type\s+)?[{*])/.test(line)) {
      isInList = !line.endsWith(";");
    } else if (line !== "" && !/^[\])}>;,`\s]+$/.test(line)) {
      count++;
    }
  }
  return count;
}

/** How far files exceed a bound of lines that say something, in words. */
function beyond(bound: number, files: readonly Pick<Source, "path" | "text">[]): string[] {
  const lines = files.reduce((sum, file) => sum + says(file), 0);
  return lines > bound
    ? [`found ${lines} lines that say something, expected at most ${bound}: remove as many as you add`]
    : [];
}

const sources = readSources(new URL("../src/", import.meta.url));
const tests = readSources(new URL("./", import.meta.url), "tests/");
const edges = sources.flatMap(importsOf);
const counted = tests.filter(({ path }) => !path.startsWith("tests/bench/"));
const data = readSources(new URL("../src/", import.meta.url), "", ".json");
const added = Math.max(
  0,
  new Set(sources.flatMap(({ path }) => path.match(/^features\/\w+(?=\/)/) ?? [])).size - BOUNDS.features,
);

/** The files that a rule of uses is for. */
const of: Record<string, readonly Source[]> = {
  src: sources,
  "src tests": [...sources, ...tests],
  showing: sources.filter(({ path }) => SHOWING.test(path)),
};

/** Every rule: what it finds in made-up files, which is not nothing, and what it finds in ours, which must be. */
const rules: [name: string, breach: string[], found: string[]][] = [
  [
    "imports point downwards: the core imports no feature and no app, a feature no app, and rooms as the table says",
    [
      { from: "core/tensor/half.ts", to: "core/weights/mod.ts" },
      { from: "core/show/looks.ts", to: "features/losses/mod.ts" },
      { from: "features/fit/study.ts", to: "apps/pages/mod.ts" },
      ...importsOf({ path: "core/result/kind.ts", code: 'type A = typeof import("../../features/mod.ts")' }),
    ].flatMap((edge) => upwardImports([edge])),
    upwardImports(edges),
  ],
  [
    "inside a room, imports point downwards too",
    upwardImportsInside([{ from: "core/show/chart/svg.ts", to: "core/show/tables/table.ts" }]),
    upwardImportsInside(edges),
  ],
  [
    "rooms, features and apps make no circle",
    circleOfRooms([
      { from: "features/fit/study.ts", to: "features/sweep/mod.ts" },
      { from: "features/sweep/table.ts", to: "features/fit/mod.ts" },
    ]),
    circleOfRooms(edges),
  ],
  [
    "a room, a feature or an app is entered through its mod.ts",
    importsPastTheDoor([{ from: "features/fit/study.ts", to: "features/sweep/study.ts" }]),
    importsPastTheDoor(edges),
  ],
  [
    "the list of features, and what is typed by it, is for doors and the command line",
    importsOfTheList([{ from: "features/fit/study.ts", to: "features/mod.ts" }]),
    importsOfTheList(edges),
  ],
  [
    "no room imports the files above all rooms",
    importsOfTheTop([{ from: "core/study/plan.ts", to: "mod.ts" }]),
    importsOfTheTop(edges),
  ],
  [
    "only the engine room knows ONNX Runtime",
    importersOf("onnxruntime-node", "core/engine/", [{ from: "core/run/score.ts", to: "onnxruntime-node" }]),
    ["onnxruntime-node", "onnxruntime-web"].flatMap((name) => importersOf(name, "core/engine/", edges)),
  ],
  [
    "only the hub room knows the hub's client",
    importersOf("@huggingface/hub", "core/hub/", [{ from: "core/text/rows.ts", to: "@huggingface/hub" }]),
    importersOf("@huggingface/hub", "core/hub/", edges),
  ],
  ...lists.uses.map((row): [string, string[], string[]] => {
    const uses = (files: Parameters<typeof users>[2]) => users(new RegExp(row.pattern), row.allowed, files);
    return [row.rule, uses([row]), uses(of[row.of])];
  }),
  [
    "measure computes and says nothing",
    sentences([{ path: "core/measure/a.ts", code: "`drafting can gain: ${takes}, less than ${limit}`" }]),
    sentences(sources.filter(({ path }) => path.startsWith("core/measure/"))),
  ],
  [
    "what is exported, another file reads",
    unread([{ path: "run/a.ts", code: "export const a = 1;" }], [{ code: 'import { b } from "./a.ts";' }]),
    unread(sources, [...sources, ...tests]),
  ],
  [
    "src/ and tests/ keep to their bounds of lines that say something",
    beyond(1, [{
      path: "a.ts",
      text: 'import {\n  a,\n} from "./a.ts";\n\n/** Both. */\na({\n  b, // c\n});\n',
    }]),
    [...beyond(BOUNDS.src + BOUNDS.feature * added, [...sources, ...data]), ...beyond(BOUNDS.tests, counted)],
  ],
  [
    "no file imports itself, by whatever way",
    cycle([{ from: "a.ts", to: "b.ts" }, { from: "b.ts", to: "c.ts" }, { from: "c.ts", to: "b.ts" }]),
    cycle(edges),
  ],
];

for (const [name, breach, found] of rules) {
  Deno.test(name, () => {
    assert.notDeepEqual(breach, []);
    assert.deepEqual(found, []);
  });
}

Deno.test("every folder of src/core is a room of the table, which points downwards itself; every room, feature and app has a door, and every feature is listed", () => {
  const folders = [...new Set(sources.flatMap(({ path }) => roomOf(path) ?? []))].sort();
  const within = (top: string) => folders.filter((folder) => folder.startsWith(top));
  assert.deepEqual(within("core/"), Object.keys(rooms).sort());
  const order = Object.keys(rooms);
  for (const [room, allowed] of Object.entries(rooms)) {
    assert.ok(allowed.every((other) => order.indexOf(other) < order.indexOf(room)), room);
  }
  const doors = [...within("core/"), ...within("features/")].filter((folder) =>
    !FRAMES.includes(folder) && !sources.some(({ path }) => path === `${folder}/mod.ts`)
  );
  assert.deepEqual(doors, []);
  const listed = edges.filter(({ from, to }) => from === "features/mod.ts" && to.startsWith("features/"))
    .map(({ to }) => roomOf(to)!);
  const odd = [...new Set(listed).symmetricDifference(new Set(within("features/")))];
  assert.deepEqual(odd, [], `${odd}: a line of src/features/mod.ts for each folder beside it`);
});

Deno.test("imports of every form are seen, and those in comments are not", () => {
  const code = uncommented(`
    import a, { b } from "./a.ts"; /* import "./no.ts" */
    export * from '../b/mod.ts'; // from "./no.ts"
    import "package/part";
    const c = await import("./c.ts");
    import type { D } from "./d.ts"; type E = typeof import("./e.ts") | import("./f.ts").F;
    const url = "https://from.example/x";`);
  assert.deepEqual(importsOf({ path: "room/file.ts", code }).map(({ to }) => to), [
    "room/a.ts",
    "b/mod.ts",
    "package/part",
    "room/c.ts",
    "room/d.ts",
    "room/e.ts",
    "room/f.ts",
  ]);
});
