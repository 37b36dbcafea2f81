/**
 * Several test files as one module: what they import is evaluated once. A file that throws before its tests is a failed test, and so is
 * a test or a file that leaves the environment, the folder or globals changed, which files after it would see.
 */
import { pathToFileURL } from "node:url";
import { join } from "node:path";

/** The module that imports the files, whose paths are relative to `root`. */
export function groupModule(files: readonly string[], root: string): string {
  const imports = files.map((file) => {
    const url = JSON.stringify(pathToFileURL(join(root, file)));
    return `  [${JSON.stringify(file)}, () => import(${url})],`;
  });
  return [
    `import { register } from ${JSON.stringify(import.meta.url)};`,
    "await register([",
    ...imports,
    "]);",
    "",
  ].join("\n");
}

/** Registers the tests of all files. */
export async function register(files: readonly (readonly [string, () => Promise<unknown>])[]): Promise<void> {
  for (const [file, load] of files) {
    const before = state(globals());
    try {
      await load();
      expectUnchanged(before, `loading ${file}`);
    } catch (error) {
      Deno.test(`${file} loads`, () => {
        throw error;
      });
    }
  }
  const watched = globals(); // looked for once: there are a thousand, and thousands of tests
  let before = state(watched);
  Deno.test.beforeEach(() => {
    before = state(watched);
  });
  Deno.test.afterEach(() => expectUnchanged(before, "this test"));
}

/** A property that files share. */
type Global = { readonly name: string; readonly read: () => unknown };

/** What files share beside modules. */
interface State {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly globals: readonly (readonly [Global, unknown])[];
}

/** Set by ONNX Runtime's first engine, for the process. */
const OWN = "ORT_DISABLE_TELEMETRY";
/** Replaced by Deno as it loads Node's modules. */
const LATE = /^globalThis\.Message(?:Channel|Port)$/;

function globals(): Global[] {
  return Object.entries({ globalThis, Deno, console, performance }).flatMap(([name, holder]) =>
    Object.entries(Object.getOwnPropertyDescriptors(holder)).flatMap(([key, { value }]) =>
      value === undefined || LATE.test(`${name}.${key}`)
        ? [] // a getter may load its value later
        : [{ name: `${name}.${key}`, read: () => (holder as Record<string, unknown>)[key] }]
    )
  );
}

function state(globals: readonly Global[]): State {
  const { [OWN]: _, ...environment } = Deno.env.toObject();
  return { folder: Deno.cwd(), environment, globals: globals.map((one) => [one, one.read()]) };
}

/** Restores what was changed, and throws an error that names it. */
function expectUnchanged(before: State, what: string): void {
  const now = state([]);
  const changed = before.globals.filter(([{ read }, value]) => !Object.is(read(), value))
    .map(([{ name }]) => name);
  if (now.folder !== before.folder) {
    Deno.chdir(before.folder);
    changed.push("the folder");
  }
  for (const name of new Set([before, now].flatMap(({ environment }) => Object.keys(environment)))) {
    const value = before.environment[name];
    if (now.environment[name] === value) continue;
    if (value === undefined) Deno.env.delete(name);
    else Deno.env.set(name, value);
    changed.push(`${name} in the environment`);
  }
  if (changed.length > 0) throw new Error(`${what} left changed: ${changed.join(", ")}; run the file alone`);
}
