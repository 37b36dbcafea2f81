/**
 * What a public function does, for notebooks, whose kernel has no inspection: signature and documentation as `deno doc`
 * reads them from the source, when somebody asks. Beside a function stand the options that it takes.
 */
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import { nearNames } from "../entry/mod.ts";

/** A public name as `deno doc --json` describes it, and the name that imports its file. */
interface Documented {
  readonly name: string;
  readonly door: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly jsDoc?: { readonly doc?: string };
    readonly def?: {
      readonly params?: readonly {
        readonly tsType?: TypeNode;
        readonly left?: { readonly tsType?: TypeNode };
      }[];
      readonly properties?: readonly { readonly name: string }[];
      readonly extends?: readonly TypeNode[];
      readonly tsType?: TypeNode;
    };
  }[];
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DOORS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(manifest.exports).map(([name, path]) => [`lamina${name.slice(1)}`, path]),
);
/** Names of the main door by what they are for, in the order of the work; those that no group has come last. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "Open:": ["openModel", "info", "packText", "textNames", "CALIBRATION_TEXT", "HELD_OUT_TEXT"],
  "Measure:": ["profile", "causes", "depth", "compare", "compareSamples"],
  "Choose:": [
    ...["fit", "rank", "distinct", "droppable", "order", "guides", "heads", "makePlan", "repair"],
    "dropsIn",
  ],
  "Price:": ["perplexities", "sweep", "evaluate", "generate", "generation", "speed", "roofline", "estimate"],
  "Take away:": [
    "exportModel",
    "FORMATS",
    "writePlan",
    "readPlan",
    "writeResult",
    "readResult",
    "toCSV",
    "merge",
  ],
  "Look:": ["show", "help", "reading", "observe", "OBSERVABLE", "attentionOf", "logits", "losses"],
};
/** Types that say what a function can be told. */
const OPTIONS = /Options$|Measures$|^(Keeping|Reports|Reshaping)$/;

/**
 * The documentation of a function or a name; for another word the functions whose documentation mentions it; without one, all. Lists
 * have first sentences. Throws `RangeError` for a word that none mentions, which names the nearest, `TypeError` for what is neither.
 */
export async function helpText(about?: unknown): Promise<string> {
  const names = await documented();
  if (about === undefined) return listOf(names);
  const name = typeof about === "function" ? about.name : about;
  if (typeof name !== "string") {
    throw new TypeError(`Cannot help: found ${name}, expected a function of Lamina, or the name of one`);
  }
  if (!names.has(name)) {
    const near = nearNames(name, names.keys()).slice(0, 3).map((other) => `"${other}"`).join(" or ");
    const hint = near && ` (did you mean ${near}?)`;
    const found = mentioning(name, names);
    if (found.size > 0) {
      return `No function is called "${name}"${hint}. These mention it:\n\n${listOf(found)}`;
    }
    throw new RangeError(
      `Cannot help with "${name}": unknown name${hint}, expected a name that help() lists, or a word that it mentions`,
    );
  }
  const texts = await Promise.all(
    withOptions(name, names).map((part) => deno([DOORS[names.get(part)!.door]], "--filter", part)),
  );
  return texts.map((text) => text.replaceAll(/^Defined in .*\n+/gm, "").trim()).join("\n\n");
}

let known: Promise<Map<string, Documented>> | undefined;

/** The public names, read once; again after a failure. */
function documented(): Promise<Map<string, Documented>> {
  known ??= readNames();
  known.catch(() => known = undefined);
  return known;
}

async function readNames(): Promise<Map<string, Documented>> {
  const { nodes } = JSON.parse(await deno(Object.values(DOORS), "--json")) as {
    nodes: Record<string, { symbols: Documented[] }>;
  };
  return new Map(
    Object.entries(nodes).flatMap(([path, { symbols }]) => {
      const [door] = Object.entries(DOORS).find(([, file]) => path.endsWith(file.slice(1)))!;
      return symbols.map((symbol) => [symbol.name, { ...symbol, door }]);
    }),
  );
}

/** Functions and values by door and group, a line each. */
function listOf(names: ReadonlyMap<string, Documented>): string {
  const callable = [...names.values()].filter(isValue);
  const width = Math.max(...callable.map(({ name }) => name.length));
  const lineOf = ({ name, declarations: [{ jsDoc }] }: Documented) =>
    `${name.padEnd(width)}  ${firstSentence(jsDoc?.doc ?? "")}`;
  return Object.keys(DOORS).flatMap((door) => {
    const own = callable.filter((entry) => entry.door === door);
    if (own.length === 0) return [];
    const groups = groupsOf(own).map(([heading, entries]) => [...heading, ...entries.map(lineOf)].join("\n"));
    return [[`import … from "${door}"`, ...groups].join("\n\n")];
  }).join("\n\n");
}

/** The names of a door under headings: those of `GROUPS`, or figures and what judges them; the others by name. */
function groupsOf(own: readonly Documented[]): (readonly [heading: string[], entries: Documented[]])[] {
  const sorted = own.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const headingOf = ({ name }: Documented) => {
    if (/Figure$/.test(name)) return "Draw:";
    return Object.keys(GROUPS).find((heading) => GROUPS[heading].includes(name)) ?? "More:";
  };
  const groups = Map.groupBy(sorted, headingOf);
  const place = ({ name }: Documented) => Object.values(GROUPS).flat().indexOf(name);
  return [...Object.keys(GROUPS), "Draw:", "More:"].flatMap((heading) => {
    const entries = groups.get(heading)?.toSorted((a, b) => place(a) - place(b));
    return entries ? [[groups.size > 1 ? [heading] : [], entries] as const] : [];
  });
}

export async function isDocumented(name: string): Promise<boolean> {
  return (await documented()).has(name);
}

function firstSentence(doc: string): string {
  const [paragraph] = doc.split("\n\n");
  const text = paragraph.replaceAll(/\s+/g, " ");
  return text.match(/^.*?\.(?= |$)/)?.[0] ?? text;
}

const isValue = ({ declarations: [{ kind }] }: Documented) => kind === "function" || kind === "variable";

/** Functions and values that mention a word in any of its forms ("steer", "steering"): their own texts, else those of their options. */
function mentioning(word: string, names: ReadonlyMap<string, Documented>): Map<string, Documented> {
  if (!/^\w[\w -]*$/.test(word)) return new Map();
  const stem = word.replace(/(.{3})(?:ing|ed|e?s)$/i, "$1");
  const form = new RegExp(`"doc":"(?:[^"\\\\]|\\\\.)*?\\b${stem}(?:e|ing|e?d|e?s)?\\b`, "i");
  const mention = (parts: readonly string[]) =>
    parts.some((part) => form.test(JSON.stringify(names.get(part)!.declarations).replaceAll("\\n", " ")));
  const own = [...names].filter(([name, entry]) => isValue(entry) && mention([name]));
  if (own.length > 0) return new Map(own);
  return new Map([...names].filter(([name, entry]) => isValue(entry) && mention(withOptions(name, names))));
}

/** A name and the public options that it mentions, theirs too. */
function withOptions(name: string, names: ReadonlyMap<string, Documented>): string[] {
  const found = new Set([name]);
  for (const part of found) { // what is added is visited
    const told = JSON.stringify(
      names.get(part)!.declarations.map(({ jsDoc: _, ...declaration }) => declaration),
    );
    for (const [, type] of told.matchAll(/"typeName":"(\w+)"/g)) {
      if (OPTIONS.test(type) && names.has(type)) found.add(type);
    }
  }
  return [...found];
}

/** A type or a part of one as `deno doc --json` describes it. */
interface TypeNode {
  readonly kind?: string;
  // deno-lint-ignore no-explicit-any
  readonly value?: any;
}

/** The names of all options that a function takes, its own first; none for other names. */
export async function optionNames(name: string): Promise<string[]> {
  const names = await documented();
  const fields = ({ kind, value }: TypeNode): string[] => {
    if (kind === "union" || kind === "intersection") return value.flatMap(fields);
    if (kind === "typeLiteral") return value.properties.map(({ name }: Documented) => name);
    if (kind !== "typeRef") return [];
    const { typeName, typeParams = [] } = value;
    if (OPTIONS.test(typeName) && names.has(typeName)) return names.get(typeName)!.declarations.flatMap(own);
    if (typeName !== "Omit") return typeParams.flatMap(fields);
    const gone = JSON.stringify(typeParams[1]);
    return fields(typeParams[0]).filter((field) => !gone.includes(JSON.stringify(field)));
  };
  const own = ({ def }: Documented["declarations"][number]): string[] => [
    ...(def?.properties ?? []).map(({ name }) => name),
    ...[...def?.extends ?? [], ...def?.tsType ? [def.tsType] : []].flatMap(fields),
  ];
  const taken = (names.get(name)?.declarations ?? []).flatMap(({ def }) =>
    (def?.params ?? []).flatMap(({ tsType, left }) => fields(tsType ?? left?.tsType ?? {}))
  );
  return [...new Set(taken)];
}

const printed = new Map<string, Promise<string>>();

/** What `deno doc` prints of the public API; it runs again after a failure, which may have been a stop. */
function deno(files: readonly string[], ...args: string[]): Promise<string> {
  const line = [...args, ...files];
  const key = line.join(" ");
  const known = printed.get(key) ?? printedBy(line);
  printed.set(key, known);
  known.catch(() => printed.delete(key));
  return known;
}

async function printedBy(line: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--quiet", ...line],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot help: deno doc failed: ${new TextDecoder().decode(stderr).trim()}`);
}
