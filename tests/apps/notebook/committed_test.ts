/** The notebooks as they are committed: executed, small, fit for every page that shows them, and of correct types. */
import assert from "node:assert/strict";
import { manifests, VERSION } from "core/result/mod.ts";
import {
  type Cell,
  committed,
  flawsOf,
  foreignParts,
  INDEX,
  nameOf,
  outdated,
  readCells,
  readCode,
  readMade,
  root,
  textOf,
  writeScript,
} from "./notebook.ts";
import { pictures } from "./pictures.ts";
import { stated, unread } from "./prose.ts";
import { thorough, withFolder } from "../../support.ts";
import { ran, words } from "../../tools.ts";

const MOST_BYTES = 500_000; // characters; notebook 09 has 433,000
const MOST_LINES = 15;

for (const path of committed) {
  const name = nameOf(path);

  Deno.test(`${name}: executed from beginning to end, every output there`, async () => {
    const cells = await readCode(path);
    assert.deepEqual(cells.map(({ executionCount }) => executionCount), cells.map((_, i) => i + 1));
    assert.deepEqual(cells.flatMap(flawsOf), []);
  });

  Deno.test(`${name}: its Markdown states no measured number`, async () => {
    assert.deepEqual(stated(await readCells(path)), []);
  });

  Deno.test(`${name}: its numbers come from the version and the methods of the code`, async () => {
    const made = await readMade(path);
    assert.ok(Object.keys(made.methods).length > 5);
    const code = (await readCode(path)).map(({ source }) => source).join("\n");
    assert.deepEqual(outdated(made, code), []);
  });

  Deno.test(`${name}: small, without escapes and paths of a machine`, async () => {
    const text = await Deno.readTextFile(path);
    assert.ok(text.length < MOST_BYTES, `${text.length} characters, expected fewer than ${MOST_BYTES}`);
    assert.deepEqual(foreignParts(text), []);
  });

  Deno.test(`${name}: each cell has an id of its own; Jupyter changes others, and no longer trusts the notebook`, async () => {
    const { cells } = JSON.parse(await Deno.readTextFile(path)) as { cells: { id: string }[] };
    assert.ok(cells.every(({ id }) => id));
    assert.equal(new Set(cells.map(({ id }) => id)).size, cells.length);
  });

  Deno.test(`${name}: short cells between prose`, async () => {
    const cells = await readCells(path);
    assert.equal(cells[0].type, "markdown");
    for (const { type, source } of cells) {
      const lines = source.split("\n").length;
      assert.ok(type === "markdown" || lines <= MOST_LINES, `${lines} lines: ${source}`);
    }
  });

  Deno.test(`${name}: pictures keep their looks where SVG is sanitised`, async () => {
    const pictures = (await readCode(path)).flatMap(({ outputs }) =>
      outputs.flatMap((output) => textOf(output, "image/svg+xml") ?? [])
    );
    assert.ok(pictures.length > 0);
    for (const svg of pictures) {
      assert.doesNotMatch(svg, /<style|<script|<foreignObject|\sclass=|\sstyle=|\son\w+=|NaN|href=/);
    }
    const ids = pictures.flatMap((svg) => [...svg.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id));
    assert.equal(new Set(ids).size, ids.length, "ids are unique over all pictures");
  });
}

Deno.test("the index has the title of every other notebook, with a link to it", async () => {
  const cells = await readCells(INDEX);
  const links = cells.flatMap(({ source }) => [...source.matchAll(/^- \[(.+)\]\((.+)\.ipynb\)$/gm)]);
  const titled = await Promise.all(committed.map(async (path) => {
    const [{ source }] = await readCells(path);
    return [source.split("\n")[0], nameOf(path)];
  }));
  assert.deepEqual(links.map(([, title, name]) => [`# ${title}`, name]), titled);
  assert.deepEqual(cells.map(({ type }) => type), ["markdown"]);
});

Deno.test("a notebook is outdated when a method is raised behind it, when it comes from a later one, and with another version", async () => {
  const { version, methods } = await readMade(committed[0]);
  const [replacement, roofline, profile] = ["replacement", "roofline", "profile"]
    .map((kind) => manifests[kind].method);
  const rows: [own: object, code: string, found: string | null][] = [
    [{ roofline: 1 }, "", `roofline: method 1, expected ${roofline}`], // what it was once
    [{ profile: profile + 1 }, "", `profile: method ${profile + 1}, expected ${profile}`],
    [{ gone: 1 }, "", "gone: method 1, expected undefined"],
    [{ replacement: 1 }, "lamina.repair(model, plan)", `replacement: method 1, expected ${replacement}`],
    [{ replacement: 1 }, "lamina.profile(model)", null],
  ];
  for (const [own, code, found] of rows) {
    assert.deepEqual(
      outdated({ version, methods: { ...methods, ...own } }, code),
      found === null ? [] : [found],
    );
  }
  assert.deepEqual(outdated({ version: "0.0.1", methods }, ""), [`version 0.0.1, expected ${VERSION}`]);
});

Deno.test("every picture of data/figures is what the notebooks and the stored numbers draw now", async () => {
  const drawn = await pictures();
  for (const { path, svg } of drawn) assert.equal(await Deno.readTextFile(path), svg, nameOf(path));
  const stored = [...Deno.readDirSync(`${root}data/figures`)].map(({ name }) => name);
  const names = drawn.map(({ path }) => path.split("/").at(-1)!);
  assert.deepEqual(stored.filter((name) => name.endsWith(".svg")).sort(), names.sort());
});

thorough("the cells have correct types under Lamina's own settings", async () => {
  await withFolder(async (folder) => {
    const scripts = committed.map((path) => `${folder}/${nameOf(path)}.ts`);
    for (const [i, path] of committed.entries()) await writeScript(scripts[i], path);
    assert.ok(scripts.length > 0);
    // A wrong script among them: that it is the only one found wrong says that the others were looked at.
    await Deno.writeTextFile(`${folder}/wrong.ts`, 'import { profile } from "lamina"; await profile(1);');
    const flaws = await checkTypes([...scripts, `${folder}/wrong.ts`]);
    assert.deepEqual(flaws.match(/TS\d+/g), ["TS2345"], flaws);
    assert.match(flaws, /wrong\.ts:1:/);
  });
});

Deno.test("a measured number in Markdown is found; code, formulas, names and quoted papers are not", () => {
  const found = (source: string, type: Cell["type"] = "markdown") =>
    stated([{ type, source, executionCount: null, outputs: [] }]);
  assert.deepEqual(found("From 35.8 to 1,234,567: 49.3 %, −0.45; 8 of 30."), words`35.8 1,234,567 49.3 0.45`);
  assert.deepEqual(found("`0.123`, $\\sigma = 0.02$, $$0.5 < s$$ and\n```ts\nconst a = 1.5;\n```"), []);
  assert.deepEqual(found("Qwen2.5, Qwen3-1.7B and v0.14.2"), []);
  assert.deepEqual(found("The paper (arXiv 2406.15786v6): Llama-3-70B 1.43 times. Here 1.22."), ["1.22"]);
  assert.deepEqual(found("The sink rate (Gu et al. 2024) counts more than 0.3 of a head. Here 0.743"), [
    "0.743",
  ]);
  assert.deepEqual(found("const share = 0.7;", "code"), []);
});

Deno.test("a number of a text that no output has is found", () => {
  const code = (data: Record<string, string | string[]>): Cell => ({
    type: "code",
    source: "1",
    executionCount: 1,
    outputs: [{ output_type: "display_data", data }],
  });
  const shown = code({ "text/plain": ["perplexity,35.8265\n", "share,0.4925\nlarge,1234567\n"] });
  const text = "From 35.8 to 35.83 and 36: 0.49 of 1,234,567; not 35.9, 1,234,568 or 0.48";
  assert.deepEqual(unread(text, [shown]), ["35.9", "1,234,568", "0.48"]);
  const drawn = code({
    "image/svg+xml": '<svg aria-label="rank 0.97"><text y="35.9">ticks 12.5</text></svg>',
  });
  assert.deepEqual(unread("0.97 and 12.5, where a mark lies at 35.9", [drawn]), ["35.9"]);
  const told = code({ "text/markdown": "It rises by 0.0464 (0.024 to 0.068) at 3 of 9 steps." });
  assert.deepEqual(unread("Qwen2.5: 3 of 9, 0.046, 4", [told]), ["4"], "a reading counts, a name does not");
});

Deno.test("what does not belong into a notebook is found", () => {
  assert.equal(foreignParts("data/results, </svg> https://x.org/home/y ../tmp/ 1/2").length, 0);
  assert.equal(foreignParts('"/home/me/x" (/tmp/y) file:///z \\u001b[32m').length, 4);
  const output = (type: string) => ({ output_type: "display_data", data: { [type]: "x" } }) as const;
  const cell = { type: "code", source: "await show(a);\nawait show(b);", executionCount: 1 } as const;
  assert.deepEqual(
    flawsOf({ ...cell, outputs: ["text/plain", "text/html", "image/svg+xml"].map(output) }),
    [],
  );
  const one = flawsOf({ ...cell, outputs: [output("text/html"), output("text/plain")] });
  assert.deepEqual(one, ["1 outputs of 2 calls of show"]);
  const value = { output_type: "execute_result", data: { "text/plain": "1" } } as const;
  assert.deepEqual(flawsOf({ ...cell, source: "1", outputs: [value] }), ["an output of type execute_result"]);
});

/** What `deno check` has against scripts; nothing where it is content. */
async function checkTypes(paths: readonly string[]): Promise<string> {
  const args = words`check --quiet --config ${root}deno.json ${paths}`;
  const { code, err } = await ran(Deno.execPath(), args, { env: { NO_COLOR: "1" } });
  return code === 0 ? "" : err;
}
