/**
 * What a public name is, for notebooks, whose kernel has no inspection: its signature, its first sentence, the options that it takes and
 * the file that says the rest, read from the source when somebody asks.
 */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../../deno.json" with { type: "json" };
import { nearNames, once, shown } from "core/entry/mod.ts";

/** An exported declaration, without its body. */
type Declared = Readonly<Record<"file" | "doc" | "text", string>>;

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** Types that say what a function can be told. */
const OPTIONS = /\b\w+(?:Options|Measures|Checks)\b(?!\.)|\b(?:Keeping|Reports|Reshaping)\b/g;
const DECLARED =
  /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?^(export (?:async )?(?:function|const|interface|type) (\w+)[^]*?)(?=\n\n|\n\/\*\*|\n?$(?![^]))/gm;
/** A table of checks, from which a type of options follows, or one without some names of another. */
const TABLE = /^(?:export )?const (?:\{ (.*), \.\.\.)?(\w+Checks)\b[^]*?;$/gm;
const EXPORTED = /^export (?:type )?(?:\{([^}]*)\}|\*) from "(.*)";/gm;

/**
 * The description of a function or a name; without one, all functions with their first sentences. Throws `RangeError` for an unknown name,
 * which names the nearest, `TypeError` for what is neither.
 */
export async function helpText(about?: unknown): Promise<string> {
  const names = await documented();
  if (about === undefined) return listOf(names);
  const name = typeof about === "function" ? about.name : about;
  if (typeof name !== "string") {
    throw new TypeError(
      `Cannot help: found ${shown(name)}, expected a function of Lamina, or the name of one`,
    );
  }
  const found = names.get(name);
  if (!found) {
    const ofValues = [...names].sort(([, a], [, b]) => Number(isValue(b)) - Number(isValue(a)));
    const near = nearNames(name, ofValues.map(([name]) => name)).slice(0, 3).map((other) => `"${other}"`)
      .join(" or ");
    const hint = near && ` (did you mean ${near}?)`;
    throw new RangeError(`Cannot help with "${name}": unknown name${hint}, expected one that help() lists`);
  }
  const options = await optionNames(name);
  return [
    `${signatureOf(found)}\n\n${firstSentence(found)}`,
    ...options.length > 0 ? [`Options: ${options.join(", ")}`] : [],
    `All of it, with an example: ${found.file}`,
  ].join("\n\n");
}

export const isDocumented = async (name: string): Promise<boolean> => (await documented()).has(name);

/** The names of all options that a function takes, its own first; none for other names. */
export async function optionNames(name: string): Promise<string[]> {
  const [all, found] = [await declared(), (await documented()).get(name)];
  const visited = new Set<string>();
  const fields = (types: string): string[] => {
    const gone = types.match(/\bOmit<.*?>/g)?.join() ?? "";
    return (types.match(OPTIONS) ?? []).flatMap((type) => {
      if (visited.size === visited.add(type).size) return [];
      const text = all.get(type)?.text ?? "";
      const own = Array.from(
        text.matchAll(/^ {2}(?:readonly )?(?: {2})?([a-z]\w*)\??:/gm),
        ([, name]) => name,
      );
      const others = type.endsWith("Checks") ? text.replace(type, "") : text.replaceAll(/\{[^]*?^\}/gm, "");
      return [...own, ...fields(others)];
    }).filter((field) => !gone.includes(`"${field}"`));
  };
  return found && isValue(found) ? [...new Set(fields(signatureOf(found)))] : [];
}

/** Functions and values by door, a line each. */
function listOf(names: ReadonlyMap<string, Declared & { readonly door: string }>): string {
  const values = [...names].filter(([, entry]) => isValue(entry)).sort(([a], [b]) => a < b ? -1 : 1);
  const width = Math.max(...values.map(([name]) => name.length));
  const lineOf = ([name, entry]: (typeof values)[number]) => `${name.padEnd(width)}  ${firstSentence(entry)}`;
  return [...Map.groupBy(values, ([, { door }]) => door)]
    .map(([door, own]) => [`import … from "${door}"`, own.map(lineOf).join("\n")].join("\n\n")).join("\n\n");
}

const isValue = ({ text }: Declared) => /^export (?:async )?(?:function|const)/.test(text);

/** On one line: up to the body of a function, or the value of a constant. */
function signatureOf({ text }: Declared): string {
  const [whole] = text.match(/^export const .*?(?= = )|^.*(?= \{$)|^[^]*?\n\).*(?= \{$)/m) ??
    text.split("\n");
  return whole.replace(/^export /, "").replaceAll(/\n\s*/g, " ").replaceAll(/([(<]) |,? ([)>])/g, "$1$2");
}

function firstSentence({ doc }: Declared): string {
  const [paragraph] = doc.replaceAll(/^ \* ?/gm, "").trim().split("\n\n");
  const text = paragraph.replaceAll(/\s+/g, " ");
  return text.match(/^.*?\.(?= |$)/)?.[0] ?? text;
}

/** All exported declarations, read once. Of several with one name, one with an example is the public one, else the last. */
const declared = once(async (): Promise<Map<string, Declared>> => {
  const files = (await readdir(join(ROOT, "src"), { recursive: true })).filter((name) =>
    name.endsWith(".ts")
  );
  const texts = await Promise.all(
    files.sort().map(async (name) => {
      const file = `src/${name.replaceAll("\\", "/")}`;
      const whole = await readFile(join(ROOT, file), "utf-8");
      const tables = [...whole.matchAll(TABLE)].map(([text, without, name]) => {
        const own = without
          ? `Omit<${without.replaceAll(/(\w+): _\w*/g, '"$1"')}> ${text.split(" = ")[1]}`
          : text;
        return [name, { file, doc: "", text: own }] as const;
      });
      const others = [...whole.matchAll(DECLARED)]
        .map(([, doc = "", text, name]) => [name, { file, doc, text }] as const);
      return [...others, ...tables];
    }),
  );
  const hasExample = ([, { doc }]: readonly [string, Declared]) => doc.includes("@example");
  return new Map(texts.flat().sort((a, b) => Number(hasExample(a)) - Number(hasExample(b))));
});

/** The public names, each with the door that exports it. */
async function documented(): Promise<Map<string, Declared & { readonly door: string }>> {
  const all = await declared();
  const doors = await Promise.all(
    Object.entries(manifest.exports).map(async ([door, path]) =>
      (await exportedBy(join(ROOT, path))).flatMap((name) => {
        const found = all.get(name);
        return found ? [[name, { ...found, door: `lamina${door.slice(1)}` }] as const] : [];
      })
    ),
  );
  return new Map(doors.flat());
}

async function exportedBy(path: string): Promise<string[]> {
  const text = await readFile(path, "utf-8");
  const lists = await Promise.all(
    [...text.matchAll(EXPORTED)].map(async ([, list, from]) =>
      list?.match(/\b(?!type\b|\w+Checks\b)\w+\b/g) ?? await exportedBy(join(dirname(path), from))
    ),
  );
  return [...lists.flat(), ...[...text.matchAll(DECLARED)].map(([, , , name]) => name)];
}
