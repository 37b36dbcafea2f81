/** Pictures, links and numbers of the README and of docs/: each exists, and each number is one that a run showed. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { nameOf, readCells } from "./apps/notebook/notebook.ts";
import { pictures, readmeSweep } from "./apps/notebook/pictures.ts";
import { unread } from "./apps/notebook/prose.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const [readme, page] = await Promise.all(
  ["README.md", "docs/claims.md"].map((file) => Deno.readTextFile(root + file)),
);

Deno.test("cells of the table of claims are short", () => {
  const rows = page.split("\n").filter((line) => /^\| C\d /.test(line));
  assert.equal(rows.length, 9);
  for (const line of rows) {
    for (const cell of line.split("|").map((cell) => cell.trim().replace(/\[(\w+)\]\([^)]*\)/g, "$1"))) {
      assert.ok(cell.length <= 60, cell);
    }
  }
});

Deno.test("every link and picture of the README and docs/ leads somewhere", async () => {
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    ...[...Deno.readDirSync(`${root}docs`)].map(({ name }) => `docs/${name}`),
  ];
  const found = [];
  for (const page of pages) {
    const text = await Deno.readTextFile(`${root}${page}`);
    for (
      const [, path, anchor] of text.matchAll(/(?:\]\(|src="|href=")((?!https?:)[^)"#]*)(?:#([^)"]+))?[)"]/g)
    ) {
      const target = new URL(path || page.split("/").at(-1)!, new URL(page, new URL("../", import.meta.url)));
      await Deno.stat(target);
      if (anchor) {
        assert.ok(anchorsOf(await Deno.readTextFile(target)).has(anchor), `${page}: ${path}#${anchor}`);
      }
      found.push(path);
    }
  }
  assert.ok(found.length > 60);
});

/** Anchors that a Markdown page offers: its headings in lower case, with dashes. */
function anchorsOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-")
    ),
  );
}

Deno.test("the README is read in a minute or two: 85 lines and 850 words", () => {
  const words = readme.split(/\s+/).filter(Boolean).length; // the bars of tables, too
  assert.ok(readme.trimEnd().split("\n").length <= 85 && words <= 850, `${words} words`);
});

Deno.test("each row of the README's expectations is one of the page of claims", () => {
  const rows = readme.split("\n").filter((line) => /^\| [A-Z]\w+.*\d %/.test(line) && line.includes("→"));
  assert.equal(rows.length, 3);
  const cellsOf = (row: string) => row.split("|").map((cell) => cell.trim()).filter(Boolean);
  const known = page.split("\n").map(cellsOf);
  for (const row of rows) {
    const [model, ...rest] = cellsOf(row);
    const all = known.find(([name]) => name === model)?.join(" ") ?? "";
    for (const cell of rest) assert.ok(all.includes(cell), `${model}: ${cell}`);
  }
});

/** A row of the table of claims: its cells by their column, and the notebooks that it names. */
const claims = page.split("\n").filter((line) => /^\| C\d /.test(line)).map((row) => {
  const [, id, , measured, , setting] = row.split("|").map((cell) => cell.trim());
  const paths = [...row.matchAll(/\]\(\.\.\/(notebooks\/[^)]+)\)/g)].map(([, path]) => root + path);
  return { id, measured, setting, paths };
});

Deno.test("every number in the table of claims is one that a notebook of its row shows, and so is its setting", async () => {
  assert.equal(claims.length, 9);
  for (const { id, measured, setting, paths } of claims) {
    assert.ok(paths.length > 0, id);
    const cells = (await Promise.all(paths.map(readCells))).flat().filter(({ type }) => type === "code");
    assert.deepEqual(unread(measured, cells), [], `${id}: ${measured}`);
    const shown = cells.flatMap(({ outputs }) => outputs.map(({ data }) => JSON.stringify(data))).join("\n");
    const sizes = setting.match(/\d+ × \d+/g) ?? [];
    assert.ok(sizes.length > 0, `${id}: no samples × tokens in "${setting}"`);
    for (const size of sizes) assert.match(shown, new RegExp(size.replaceAll(" ", "\\s")), `${id}: ${size}`);
  }
});

Deno.test("what the README tells of its first picture is what was measured for it, and the table has the same numbers", async () => {
  const { provenance, calibration, curves } = await readmeSweep();
  const [caption] = /^_SmolLM2[^]*?_$/m.exec(readme)!;
  const size = ({ samples, length }: typeof provenance.packing) => `${samples} × ${length} tokens`;
  assert.deepEqual(caption.match(/\d+ × \d+ tokens/g), [size(calibration.packing), size(provenance.packing)]);
  assert.ok(caption.includes(`(${provenance.model.format}), ${provenance.dtype}.`), caption);
  const costs = (["attention", "mlp"] as const).map((target) => {
    const { points } = curves.find((curve) => curve.target === target && curve.by === "importance")!;
    const [full, dropped] = [0, 8].map((count) =>
      points.find((point) => point.dropped === count)!.perplexity
    );
    return `${full.toPrecision(3)} → ${dropped.toPrecision(3)}`;
  });
  for (const [i, text] of [caption, ...claims.slice(0, 2).map(({ measured }) => measured)].entries()) {
    const told = text.match(/[\d.]+ → [\d.]*\d/g);
    assert.deepEqual(told, i === 0 ? costs : [costs[i - 1]], text);
  }
});

Deno.test("a rank correlation in the title of a notebook's picture is the one that the row of its claim has", async () => {
  const found = [];
  for (const { path, svg } of await pictures()) {
    const [, rank] = /aria-label="[^"]*rank correlation ([\d.]*\d)/.exec(svg) ?? [];
    if (rank === undefined) continue;
    const rows = claims.filter(({ paths }) =>
      paths.some((notebook) => nameOf(notebook) === nameOf(path).replace(".svg", ""))
    );
    found.push(...rows.map(({ id, measured }) => [id, measured.includes(rank)]));
  }
  assert.deepEqual(found, [["C9", true]]);
});
