/**
 * The plan of the house: which room may import which, and what only one room may do. A rule is a function from what
 * the files say to the places where they break it; each is shown to find a made-up breach before it is put to `src/`.
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { readSources, type Source, uncommented } from "./sources.ts";

/** The lines that each folder may have, without `tests/bench`. A change that adds lines removes as many; nobody raises a total. */
const TOTALS = { src: 71_500, tests: 48_500 };

/** What each room may import: rooms above it in this list only. */
const table = {
  entry: "",
  disk: "entry",
  home: "",
  tensor: "",
  libraries: "entry home",
  measure: "entry tensor",
  result: "entry disk measure",
  hub: "entry disk home",
  weights: "entry disk tensor libraries hub",
  text: "entry",
  tasks: "entry text",
  onnx: "tensor",
  models: "tensor measure onnx weights",
  engine: "entry tensor libraries onnx",
  kernels: "entry tensor libraries measure engine",
  run: "entry tensor weights onnx models engine kernels measure",
  subject: "entry disk tensor result hub weights text models",
  formats: "entry tensor measure hub weights text models run subject",
  study:
    "entry disk tensor libraries result hub weights text tasks models engine kernels measure run subject formats",
  export: "entry disk measure result hub run subject formats study",
  cluster: "entry home result hub study",
  show: "entry disk result hub measure",
  doctor: "entry home tensor libraries hub onnx models engine kernels",
  lab: "entry disk home hub result show",
  commands:
    "entry disk home libraries measure result hub tasks engine run subject formats study export cluster show doctor lab",
};
const rooms: Record<string, string[]> = Object.fromEntries(
  Object.entries(table).map(([room, row]) => [room, row.split(" ").filter(Boolean)]),
);

/** An import; `to` is a path from `src/`, or the name of a package. */
interface Edge {
  readonly from: string;
  readonly to: string;
}

/** `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`. */
function importsOf({ path, code }: Pick<Source, "path" | "code">): Edge[] {
  return [...code.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, to]) => ({
    from: path,
    to: to.startsWith(".") ? join(dirname(path), to) : to,
  }));
}

/** Rooms inside a room, the lower first; files beside them serve them all, or stand above them all (`topped`). */
const inner: Record<string, readonly string[]> = {
  measure: ["statistics", "streams", "untrained"],
  result: ["forms", "keeping", "derived"],
  hub: ["cache", "packages", "remote"],
  models: ["config", "values", "modules", "graphs", "stored", "gguf", "families"],
  weights: ["blocks", "gguf", "safetensors", "packed"],
  text: ["tokenizer", "formats"],
  engine: ["native", "web"],
  formats: ["changes", "hf", "gguf", "onnx"],
  run: ["probes", "weights", "plan", "modules", "head", "cost", "decode", "requests", "repair"],
  show: ["words", "chart", "tables", "figures", "claims", "sections", "page"],
  "show/chart": ["draw", "files"],
  "show/figures": ["untrained", "training", "causes", "dropping", "profile"],
  study: [
    "base",
    "passes",
    "types",
    "writing",
    "evaluate",
    "repair",
    "scores",
    "orders",
    "untrained",
    "causes",
    "sweep",
    "training",
    "speed",
    "fit",
    "analyses",
  ],
  commands: ["shared", "measure", "pages", "machines", "results", "desk"],
};

/** Rooms whose own files import the rooms inside, and are imported by none of them. */
const topped = ["study", "commands"];

function upwardImportsInside(edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) =>
    Object.entries(inner).some(([room, floors]) => {
      const floor = (path: string) => {
        if (!path.startsWith(`${room}/`)) return -1;
        const [name, ...rest] = path.slice(room.length + 1).split("/");
        return rest.length === 0 && topped.includes(room) ? floors.length : floors.indexOf(name);
      };
      return floor(from) >= 0 && floor(to) >= 0 && floor(from) < floor(to);
    })
  ).map(show);
}

/** The room of a file, or null for the files at the top and for packages. */
const roomOf = (path: string) => Object.keys(rooms).find((room) => path.startsWith(`${room}/`)) ?? null;
const show = ({ from, to }: Edge) => `${from} → ${to}`;

function upwardImports(edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)];
    return room !== null && other !== null && room !== other && !rooms[room].includes(other);
  }).map(show);
}

/**
 * Besides `mod.ts`: the command line's parts, for the command line; the outlet to notebooks, for the public API alone, since importing
 * it takes over the stop button; and the list of figures, which are all public.
 */
const sideDoors = [
  /^cli\.ts → commands\//,
  /^mod\.ts → show\/cell\.ts$/,
  /^figures\.ts → show\/figures\/mod\.ts$/,
];

function importsPastTheDoor(edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) => {
    const other = roomOf(to);
    return other !== null && other !== roomOf(from) && to !== `${other}/mod.ts`;
  }).map(show).filter((edge) => !sideDoors.some((door) => door.test(edge)));
}

function importsOfTheTop(edges: readonly Edge[]): string[] {
  return edges.filter(({ from, to }) => roomOf(from) !== null && /^[^/]+\.ts$/.test(to)).map(show);
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
    pattern.test(code) && !allowed.some((room) => path.startsWith(room))
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

const NETWORK =
  /\bfetch\(|\bWebSocket\(|\bXMLHttpRequest\b|Deno\.connect|["']node:(?:https?|net|tls|dgram)["']/;
const ONLINE = ["hub/", "lab/sockets.ts"];
const JUPYTER = /Deno\.jupyter/;
const DEVICE = /\b(?:createComputePipeline|createBindGroup|createBuffer|cuLaunchKernel|cudaMalloc)\b/;

/** Comparisons of a score with a name. */
const NAMED_SCORE = /\bby\s*[!=]==?\s*["'`]|\bswitch\s*\(\s*(?:\w+\.)*by\s*\)/;

/** The path of a URL, which is that of a file only where nothing in it is escaped. */
const URL_PATH = /\.pathname\b/;
/** A server, which reads the path of a request, and this rule. */
const SERVERS = ["tests/core/hub/fake_hub.ts", "tests/architecture_test.ts"];

const STREAM = /\bprocess\.std(?:out|err)\.write\b|\bDeno\.std(?:out|err)\b|\bconsole\.\w+\(/;
/** The outlets of commands, of progress and of notebooks, which make text safe to show; a child's answer to its parent. */
const OUTLETS = ["commands/shared/context.ts", "show/progress.ts", "show/cell.ts", "libraries/apart.ts"];

/** A flag in a sentence: a reader of a notebook has options, and a command puts its flags in their place (`withFlags`). */
const FLAG = /--[a-z]/;
/** Command lines, arguments of other programs, a script, a file of requirements and a style. */
const COMMAND_LINES = [
  ...["commands/", "cluster/slurm.ts", "doctor/machine_checks.ts", "engine/web/gpu.ts", "export/card/"],
  ...[
    "formats/job.ts",
    "home/home.ts",
    "hub/packages/",
    "kernels/cuda.ts",
    "lab/jupyter.ts",
    "lab/kernel.ts",
  ],
  ...["show/help.ts", "show/page/style.ts"],
];

/** An error's sentence taken apart: our own errors have fields (`refusal`). */
const PARSED =
  /\bmessage\)?[!?]?\.(?:match|replace|startsWith|endsWith|includes|slice|split)\(|\.(?:test|exec)\([^)]*\bmessage\b/;
/** The sentences of ONNX Runtime, of the system and of the validator, of which no field says the same. */
const OF_OTHERS = ["engine/web/session.ts", "entry/system.ts", "result/keeping/store.ts"];

/** Texts with a verb, errors apart, which say what cannot be done and what is expected. */
function sentences(sources: readonly Pick<Source, "path" | "code">[]): string[] {
  const isSentence = (text: string) =>
    !/Cannot |expected/.test(text) && / (?:is|are|can|cannot|has|have|needs?|takes?|gains?) /.test(text);
  return sources.flatMap(({ path, code }) =>
    (code.match(/"[^"\n]*"|`[^`]*`/g) ?? []).filter(isSentence).map((text) => `${path}: ${text}`)
  );
}

/** Comparisons that samples decide, which are data of `result/derived`; of numbers, those of an interval's end. */
const JUDGEMENT =
  /\b(?:withinBudget|\w+Sign|interval95|halfWidth95|costsLess)\(|\b(?:low|high) [<>]=? -?\d|-?\d [<>]=? (?:low|high)\b/;
/** The words for a sign, and the chart, whose axes have ends too. */
const SIGNS_IN_WORDS = ["show/words/verdicts.ts", "show/chart/"];

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

/** How far files exceed a total of lines, in words. */
function beyond(total: number, files: readonly Pick<Source, "text">[]): string[] {
  const lines = files.reduce((sum, { text }) => sum + text.split("\n").length - 1, 0);
  return lines > total ? [`found ${lines} lines, expected at most ${total}: remove as many as you add`] : [];
}

const sources = readSources(new URL("../src/", import.meta.url));
const tests = readSources(new URL("./", import.meta.url), "tests/");
const edges = sources.flatMap(importsOf);
const counted = tests.filter(({ path }) => !path.startsWith("tests/bench/"));

/** Every rule: what it finds in made-up files, which is not nothing, and what it finds in ours, which must be. */
const rules: [name: string, breach: string[], found: string[]][] = [
  [
    "imports point downwards, as the table of rooms says",
    upwardImports([{ from: "tensor/half.ts", to: "weights/mod.ts" }]),
    upwardImports(edges),
  ],
  [
    "inside a room, imports point downwards too",
    [
      { from: "show/chart/svg.ts", to: "show/figures/dropping/quality.ts" },
      { from: "study/base/plan.ts", to: "study/studies.ts" },
    ].flatMap((edge) => upwardImportsInside([edge])),
    upwardImportsInside(edges),
  ],
  [
    "a room is entered through its mod.ts",
    importsPastTheDoor([{ from: "models/load.ts", to: "weights/gguf.ts" }]),
    importsPastTheDoor(edges),
  ],
  [
    "no room imports the files above all rooms",
    importsOfTheTop([{ from: "study/plan.ts", to: "mod.ts" }]),
    importsOfTheTop(edges),
  ],
  [
    "only the engine room knows ONNX Runtime",
    importersOf("onnxruntime-node", "engine/", [{ from: "run/score.ts", to: "onnxruntime-node" }]),
    ["onnxruntime-node", "onnxruntime-web"].flatMap((name) => importersOf(name, "engine/", edges)),
  ],
  [
    "only the hub room knows the hub's client",
    importersOf("@huggingface/hub", "hub/", [{ from: "text/rows.ts", to: "@huggingface/hub" }]),
    importersOf("@huggingface/hub", "hub/", edges),
  ],
  [
    "only the hub room uses the network, and the lab's kernel its sockets on this machine",
    users(NETWORK, ONLINE, [{ path: "text/named_text.ts", code: "await fetch(url)" }]),
    users(NETWORK, ONLINE, sources),
  ],
  [
    "only show/cell.ts speaks to Jupyter, and the relay that passes on what it says",
    users(JUPYTER, ["show/cell.ts", "lab/outputs.ts"], [{
      path: "show/page.ts",
      code: "Deno.jupyter.display(x)",
    }]),
    users(JUPYTER, ["show/cell.ts", "lab/outputs.ts"], sources),
  ],
  [
    "only engines and kernels call devices",
    users(DEVICE, ["engine/", "kernels/"], [{ path: "run/a.ts", code: "gpu.createBuffer({ size })" }]),
    users(DEVICE, ["engine/", "kernels/"], sources),
  ],
  [
    "only its own file knows what a score is: others read the table of scores",
    users(NAMED_SCORE, [], [{ path: "show/a.ts", code: 'plan.by === "random"' }]),
    users(NAMED_SCORE, [], sources),
  ],
  [
    "only the outlets write to a terminal",
    users(STREAM, OUTLETS, [{ path: "commands/a.ts", code: "process.stdout.write(prompt)" }]),
    users(STREAM, OUTLETS, sources),
  ],
  [
    "fileURLToPath gives the path of a file, also in folders with a space, # or %",
    users(URL_PATH, SERVERS, [{ path: "tests/a_test.ts", code: 'new URL("a", import.meta.url).pathname' }]),
    users(URL_PATH, SERVERS, [...sources, ...tests]),
  ],
  [
    "below the commands, no sentence names a flag",
    users(FLAG, COMMAND_LINES, [{ path: "study/a.ts", code: "flags.push(`--force`)" }]),
    users(FLAG, COMMAND_LINES, sources),
  ],
  [
    "only others' errors are read as sentences",
    users(PARSED, OF_OTHERS, [{
      path: "text/a.ts",
      code: "(error as Error).message.replace(/^Cannot /, '')",
    }]),
    users(PARSED, OF_OTHERS, sources),
  ],
  [
    "measure computes and says nothing",
    sentences([{ path: "measure/a.ts", code: "`drafting can gain: ${takes}, less than ${limit}`" }]),
    sentences(sources.filter(({ path }) => path.startsWith("measure/"))),
  ],
  [
    "what is shown states what samples decide, and decides nothing",
    users(JUDGEMENT, SIGNS_IN_WORDS, [{ path: "show/figures/a.ts", code: 'high < 0 ? "lower" : "open"' }]),
    users(JUDGEMENT, SIGNS_IN_WORDS, sources.filter(({ path }) => path.startsWith("show/"))),
  ],
  [
    "what is exported, another file reads",
    unread([{ path: "run/a.ts", code: "export const a = 1;" }], [{ code: 'import { b } from "./a.ts";' }]),
    unread(sources, [...sources, ...tests]),
  ],
  [
    "src/ and tests/ keep to their totals",
    beyond(1, [{ text: "a\nb\n" }]),
    [...beyond(TOTALS.src, sources), ...beyond(TOTALS.tests, counted)],
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

Deno.test("every folder of src/ is a room of the table, has a door (commands apart), and the table points downwards itself", () => {
  const folders = [
    ...new Set(sources.filter(({ path }) => path.includes("/")).map(({ path }) => path.split("/")[0])),
  ];
  assert.deepEqual(folders.filter((folder) => !Object.hasOwn(rooms, folder)), []);
  const order = Object.keys(rooms);
  for (const [room, allowed] of Object.entries(rooms)) {
    assert.ok(allowed.every((other) => order.indexOf(other) < order.indexOf(room)), room);
  }
  const doors = folders.filter((folder) => !sources.some(({ path }) => path === `${folder}/mod.ts`));
  assert.deepEqual(doors, ["commands"]);
  for (const room of topped) {
    const inside = sources.map(({ path }) => path.split("/")).filter((path) =>
      path[0] === room && path.length > 2
    );
    assert.deepEqual([...new Set(inside.map((path) => path[1]))].sort(), inner[room].toSorted());
  }
});

Deno.test("imports of every form are seen, and those in comments are not", () => {
  const code = uncommented(`
    import a, { b } from "./a.ts"; /* import "./no.ts" */
    export * from '../b/mod.ts'; // from "./no.ts"
    import "package/part";
    const c = await import("./c.ts");
    const url = "https://from.example/x";`);
  assert.deepEqual(importsOf({ path: "room/file.ts", code }).map(({ to }) => to), [
    "room/a.ts",
    "b/mod.ts",
    "package/part",
    "room/c.ts",
  ]);
});
