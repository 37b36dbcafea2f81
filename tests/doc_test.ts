/** The public API explains itself: `deno doc` finds a word on everything, and an example on every function. */
import assert from "node:assert/strict";

const root = new URL("..", import.meta.url);

async function denoDoc(...options: string[]): Promise<{ out: string; err: string }> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", ...options, "src/mod.ts"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  return { out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/**
 * Types that public ones name and that are not public themselves: those of results are inferred from their forms, which check
 * what is read; names of scores, targets and modules are inferred from their lists; engines, opened weights and the manifest's packages are for passing on, not for looking into.
 */
const UNNAMED =
  /^(?:output|forms|METHODS|agreement|officialDifference|\w+Form|KINDS|LayerModule|TARGETS|ScoreTable|Shard|ModuleMeans|Engine|Model|ModelSpec|PackageSource)$/;

Deno.test("everything public has a word on it, and names public types", async () => {
  const { err } = await denoDoc("--lint");
  const flaws = [...err.matchAll(/^error\[([\w-]+)\]: (.*)\n *--> (.*)$/gm)];
  assert.ok(flaws.length > 0, err); // were there none, the list above would be too long
  const unexpected = flaws.filter(([, kind, what]) =>
    kind !== "private-type-ref" || !UNNAMED.test(/private type '(.*)'/.exec(what)?.[1] ?? "")
  );
  assert.deepEqual(unexpected.map(([, , what, where]) => `${where}: ${what}`), []);
});

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

Deno.test("every public function has an example, which tests run or which says why they do not", async () => {
  const { nodes }: Doc = JSON.parse((await denoDoc("--json")).out);
  const functions = Object.values(nodes).flatMap(({ symbols }) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.filter(({ kind }) =>
        kind === "function" || (kind === "variable" && name.endsWith("Figure"))
      ).map(({ jsDoc }) => ({
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
