/** The public API explains itself: `deno doc` finds a word on everything, and an example on every function. */
import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };
import { withFolder } from "./support.ts";
import { type Ran, ran } from "./tools.ts";

const root = new URL("..", import.meta.url);

const DOORS = Object.values(manifest.exports);

async function denoDoc(option: string, files: readonly string[] = DOORS): Promise<Ran> {
  return await ran(Deno.execPath(), ["doc", option, ...files], { cwd: root, env: { NO_COLOR: "1" } });
}

/**
 * Types that public ones name and that are not public themselves: those of results are inferred from their forms, which check
 * what is read, as names of modules, scores and targets are from their lists; engines, opened weights and the manifest's packages are for passing on, not for
 * looking into.
 */
const UNNAMED =
  /^(?:output|Of|AllOf|\w+Checks|Merged|Declared|Kinds|Studies|TermsOf|Results|typeLooks|agreement|officialDifference|\w+Form|\w+Kind|Shard|ModuleMeans|Engine|Model|ModelSpec|PackageSource|KINDS|LayerModule|TARGETS|REPAIRS|VERDICTS|ScoreTable)$/;

/** What `deno doc` finds wrong with a file, but for the private types that may be named. */
async function flawsOf(files?: readonly string[]): Promise<string[]> {
  const { code, err } = await denoDoc("--lint", files);
  const flaws = [...err.matchAll(/^error\[([\w-]+)\]: (.*)\n *--> (.*)$/gm)];
  assert.ok(code === 0 || flaws.length > 0, err);
  const isKnown = (kind: string, what: string) =>
    kind === "private-type-ref" && UNNAMED.test(/private type '(.*)'/.exec(what)?.[1] ?? "");
  return flaws.filter(([, kind, what]) => !isKnown(kind, what)).map(([, , what, where]) =>
    `${where}: ${what}`
  );
}

Deno.test("the texts of options are shown, those of a study, of all, and of one that has two headings of help", async () => {
  const { out } = await denoDoc("--json");
  for (
    const text of [
      "Number of random orders; default: 3.",
      "Number of blocks.",
      "Benchmark tasks of `accuracy`.",
    ]
  ) {
    assert.ok(out.includes(JSON.stringify(text)), text);
  }
});

Deno.test("everything public has a word on it, and names public types", async () => {
  assert.deepEqual(await flawsOf(), []);
});

Deno.test("a public function without a word on it, and one that names a private type, are found", () =>
  withFolder(async (folder) => {
    const file = `${folder}/mod.ts`;
    await Deno.writeTextFile(
      file,
      `interface Hidden { a: number }
      interface Engine { a: number }
      export function silent(): void {}
      /** Names a type that may be named, and one that may not. */
      export function loud(engine: Engine): Hidden { return engine; }\n`,
    );
    const flaws = await flawsOf([file]);
    assert.equal(flaws.length, 2, flaws.join("\n"));
    assert.match(flaws.join("\n"), /:3:.*JSDoc/);
    assert.match(flaws.join("\n"), /:5:.*'Hidden'/);
  }));

interface Doc {
  readonly nodes: Record<string, {
    readonly symbols: readonly {
      readonly name: string;
      readonly declarations: readonly {
        readonly kind: string;
        readonly jsDoc?: { readonly tags?: readonly { readonly kind: string; readonly doc?: string }[] };
      }[];
    }[];
  }>;
}

Deno.test("every public function but the figures of a result has an example, which tests run or which says why they do not", async () => {
  const { nodes }: Doc = JSON.parse((await denoDoc("--json")).out);
  const functions = Object.values(nodes).flatMap(({ symbols }) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.filter(({ kind }) => kind === "function").map(({ jsDoc }) => ({
        name,
        example: jsDoc?.tags?.find(({ kind }) => kind === "example")?.doc ?? "",
      }))
    )
  );
  assert.ok(functions.length > 50);
  const lacking = functions.filter(({ example }) =>
    !/^```ts$|^Not run by tests: .+\n```ts ignore$/m.test(example)
  );
  assert.deepEqual(lacking.map(({ name }) => name), []);
});
