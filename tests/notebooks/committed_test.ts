/** The notebooks as they are committed: executed, small, fit for every page that shows them, and of correct types. */
import assert from "node:assert/strict";
import { type Kind, METHODS, VERSION } from "../../src/result/mod.ts";
import {
  committed,
  flawsOf,
  foreignParts,
  nameOf,
  readCells,
  readCode,
  textOf,
  writeScript,
} from "./notebook.ts";
import { pictures } from "./pictures.ts";
import { EVERY, unread } from "./prose.ts";

const MOST_BYTES = 500_000;
const MOST_LINES = 15;

for (const path of committed) {
  const name = nameOf(path);

  Deno.test(`${name}: executed from beginning to end, every output there`, async () => {
    const cells = await readCode(path);
    assert.deepEqual(cells.map(({ executionCount }) => executionCount), cells.map((_, i) => i + 1));
    assert.deepEqual(cells.flatMap(flawsOf), []);
  });

  Deno.test(`${name}: numbers in its prose are those of its outputs`, async () => {
    assert.deepEqual(unread(await readCells(path)), []);
  });

  Deno.test(`${name}: its numbers come from the version and the methods of the code`, async () => {
    const { metadata } = JSON.parse(await Deno.readTextFile(path));
    const { version, methods } = metadata.lamina;
    assert.equal(version, VERSION);
    assert.ok(Object.keys(methods).length > 5);
    // A kind of result that there was not yet is in none of its numbers.
    for (const [kind, method] of Object.entries(methods)) assert.equal(method, METHODS[kind as Kind], kind);
  });

  Deno.test(`${name}: small, without escapes and paths of a machine`, async () => {
    const text = await Deno.readTextFile(path);
    assert.ok(text.length < MOST_BYTES, `${text.length} characters, expected fewer than ${MOST_BYTES}`);
    assert.deepEqual(foreignParts(text), []);
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

Deno.test("the README's pictures are those that the notebooks and the sweep of `task start` draw", async () => {
  for (const { path, svg } of await pictures()) {
    assert.equal(await Deno.readTextFile(path), svg, nameOf(path));
  }
});

Deno.test("cells are of correct types", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const scripts = [];
    for (const path of committed) {
      const script = `${folder}/${nameOf(path)}.ts`;
      await writeScript(script, path);
      scripts.push(script);
    }
    assert.ok(scripts.length > 0);
    // A wrong script among them: that it is the only one found wrong says that the others were looked at.
    await Deno.writeTextFile(`${folder}/wrong.ts`, 'import { profile } from "lamina"; await profile(1);');
    const flaws = await checkTypes([...scripts, `${folder}/wrong.ts`]);
    assert.deepEqual(flaws.match(/TS\d+/g), ["TS2345"], flaws);
    assert.match(flaws, /wrong\.ts:1:/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a number in prose that no output has is found", () => {
  const markdown = (source: string) =>
    ({ type: "markdown", source, executionCount: null, outputs: [] }) as const;
  const shown = { "text/plain": ["perplexity,35.8265\n", "share,0.4925\nlarge,1234567\n"] };
  const code = {
    type: "code",
    source: "1",
    executionCount: 1,
    outputs: [{ output_type: "display_data", data: shown }],
  } as const;
  const prose =
    "From 35.8 to 35.83: 49.3 % of 1,234,567; not 35.9, 1,234,568 or 49.4 %. arXiv 2406.15786 and `0.123` are not read.";
  assert.deepEqual(unread([markdown(prose), code]), ["35.9", "1,234,568", "49.4"]);
  const svg = '<svg aria-label="rank 0.97"><text y="35.9">ticks 12.5</text></svg>';
  const drawn = {
    ...code,
    outputs: [{ output_type: "display_data", data: { "image/svg+xml": svg } }],
  } as const;
  assert.deepEqual(unread([markdown("0.97 and 12.5, where a mark lies at 35.9"), drawn]), ["35.9"]);
  const claim = markdown("Qwen2.5: 2 of 24. From 36 to 344 (0.49)");
  const told = { told: EVERY, scales: [1] };
  assert.deepEqual(unread([claim, code], told), ["2", "24", "344"], "whole numbers too, and no percentages");
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
  assert.deepEqual(flawsOf({ ...cell, outputs: [output("text/html"), output("text/plain")] }), [
    "1 outputs of 2 calls of show",
  ]);
  const value = { output_type: "execute_result", data: { "text/plain": "1" } } as const;
  assert.deepEqual(flawsOf({ ...cell, source: "1", outputs: [value] }), ["an output of type execute_result"]);
});

/** What `deno check` has against scripts; nothing where it is content. */
async function checkTypes(paths: readonly string[]): Promise<string> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "--config", new URL("../../deno.json", import.meta.url).pathname, ...paths],
    env: { NO_COLOR: "1" },
  }).output();
  return success ? "" : new TextDecoder().decode(stderr);
}
