/**
 * Every figure as it was drawn before, of a small synthetic result: a change of a picture is seen as such, and looked at. Every text of it
 * can be read in both themes (WCAG 2.2, 1.4.3), at the sizes that figures have.
 *
 * Made anew by: deno test -A tests/core/show/goldens_test.ts -- --update
 */
import assert from "node:assert/strict";
import { STYLE } from "../../../src/apps/pages/page/style.ts";
import { readSources } from "../../sources.ts";
import { type Draw, drawnWith, names } from "./every_figure.ts";

const goldens = new URL("goldens/", import.meta.url);

/** The file of a figure's golden. */
const fileOf = (name: Draw) => `${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}.svg`;

/** One element a line, so that a difference is read as one. */
const drawn = (name: Draw): string => `${drawnWith(name).svg.replaceAll("><", ">\n<")}\n`;

const LEAST = 4.5;
const BACKGROUNDS = { light: "#ffffff", dark: "#161616" };
/** Black on a white line around it, and white on the ends of a scale: the same in every theme. */
const ON_SHADES = ["#000000", "#fff"];
const dark = new Map(
  [...STYLE.matchAll(/light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, a, b]) => [a, b] as const),
);

/** Relative luminance of a colour such as "#1f63d6". */
function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16) / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** The fills of texts, their own or those of the groups around them. */
function textFills(svg: string): Set<string> {
  const [fills, found]: [string[], Set<string>] = [[], new Set()];
  for (const [, end, name, attributes] of svg.matchAll(/<(\/?)(\w+)([^>]*)>/g)) {
    if (end) {
      fills.pop();
      continue;
    }
    const fill = / fill="([^"]*)"/.exec(attributes)?.[1] ?? fills.at(-1)!;
    if (name === "text") found.add(fill);
    if (!attributes.endsWith("/")) fills.push(fill);
  }
  return found;
}

for (const name of names) {
  Deno.test(`${name} is drawn as before, and every text of it stands out from its background in both themes`, async () => {
    const file = new URL(fileOf(name), goldens);
    const svg = drawn(name);
    if (Deno.args.includes("--update")) await Deno.writeTextFile(file, svg);
    assert.equal(svg, await Deno.readTextFile(file));
    const fills = textFills(svg);
    assert.ok(fills.size > 1);
    for (const fill of [...fills].filter((fill) => !ON_SHADES.includes(fill))) {
      assert.ok(contrast(fill, BACKGROUNDS.light) >= LEAST, `${fill} on white`);
      assert.ok(contrast(dark.get(fill)!, BACKGROUNDS.dark) >= LEAST, `${dark.get(fill)} in the dark`);
    }
  });
}

Deno.test("every figure has a golden, and every golden is of a figure", () => {
  const drawing = readSources(new URL("../../../src/features/", import.meta.url)).flatMap(({ code }) =>
    [...code.matchAll(/^export const (\w+Figure)\b/gm)].map(([, name]) => name)
  );
  const odd = [...new Set<string>(names).symmetricDifference(new Set(drawing))];
  const row =
    "a line of src/figures.ts and a row of tests/core/show/every_figure.ts for each figure of a feature";
  assert.deepEqual(odd, [], `${odd}: ${row}`);
  assert.deepEqual([...Deno.readDirSync(goldens)].map(({ name }) => name).sort(), names.map(fileOf).sort());
});
