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
    const before = state();
    try {
      await load();
      expectUnchanged(before, `loading ${file}`);
    } catch (error) {
      Deno.test(`${file} loads`, () => {
        throw error;
      });
    }
  }
  let before = state();
  Deno.test.beforeEach(() => {
    before = state();
  });
  Deno.test.afterEach(() => expectUnchanged(before, "this test"));
}

/** What files share beside modules. */
interface State {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly globals: ReadonlyMap<string, unknown>;
}

/** Set by ONNX Runtime's first engine, for the process. */
const OWN = "ORT_DISABLE_TELEMETRY";
/** Replaced by Deno as it loads Node's modules. */
const LATE = /^globalThis\.Message(?:Channel|Port)$/;

function state(): State {
  const { [OWN]: _, ...environment } = Deno.env.toObject();
  const globals = new Map(
    Object.entries({ globalThis, Deno, console, performance }).flatMap(([name, holder]) =>
      Object.entries(Object.getOwnPropertyDescriptors(holder)).flatMap(([key, { value }]) =>
        value === undefined ? [] : [[`${name}.${key}`, value] as const] // a getter may load its value later
      )
    ),
  );
  return { folder: Deno.cwd(), environment, globals };
}

/** Restores what was changed, and throws an error that names it. */
function expectUnchanged(before: State, what: string): void {
  const now = state();
  const changed = [...before.globals].filter(([key, value]) =>
    !LATE.test(key) && !Object.is(now.globals.get(key), value)
  )
    .map(([key]) => key);
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
