/**
 * Every figure as it was drawn before, of a small synthetic result: a change of a picture is seen as such, and looked at.
 *
 * Made anew by: deno test -A tests/show/goldens_test.ts -- --update
 */
import assert from "node:assert/strict";
import { type Draw, drawnWith, names } from "./every_figure.ts";

const goldens = new URL("goldens/", import.meta.url);

/** The file of a figure's golden. */
const fileOf = (name: Draw) => `${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}.svg`;

/** One element a line, so that a difference is read as one. */
function drawn(name: Draw): string {
  return `${drawnWith(name).svg.replaceAll("><", ">\n<")}\n`;
}

for (const name of names) {
  Deno.test(`${name} is drawn as before`, async () => {
    const file = new URL(fileOf(name), goldens);
    const svg = drawn(name);
    if (Deno.args.includes("--update")) await Deno.writeTextFile(file, svg);
    assert.equal(svg, await Deno.readTextFile(file));
  });
}

Deno.test("every figure has a golden, and every golden is of a figure", async () => {
  const folder = new URL("../../src/show/figures/", import.meta.url);
  const drawing: string[] = [];
  for (const { name: room, isDirectory } of Deno.readDirSync(folder)) {
    for (const { name } of isDirectory ? Deno.readDirSync(new URL(room, folder)) : []) {
      const file = `${room}/${name}`;
      const exported = Object.keys(await import(new URL(file, folder).href));
      const figures = exported.filter((name) => name.endsWith("Figure"));
      assert.equal(figures.length, 1, `${file} draws ${figures}`);
      drawing.push(...figures);
    }
  }
  assert.deepEqual(drawing.sort(), [...names].sort());
  assert.deepEqual([...Deno.readDirSync(goldens)].map(({ name }) => name).sort(), names.map(fileOf).sort());
});
