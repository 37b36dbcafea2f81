/** Every text of every figure can be read in both themes (WCAG 2.2, 1.4.3), at the sizes that figures have. */
import assert from "node:assert/strict";
import { STYLE } from "../../src/show/page/style.ts";

const LEAST = 4.5;
const BACKGROUNDS = { light: "#ffffff", dark: "#161616" };
/** Black on a white line around it, and white on the ends of a scale: the same in every theme. */
const ON_SHADES = ["#000000", "#fff"];

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
  const fills: string[] = [];
  const found = new Set<string>();
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

const dark = new Map(
  [...STYLE.matchAll(/light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, a, b]) => [a, b] as const),
);
const goldens = new URL("goldens/", import.meta.url);

for (const { name } of Deno.readDirSync(goldens)) {
  Deno.test(`${name}: every text stands out from its background in both themes`, async () => {
    const fills = textFills(await Deno.readTextFile(new URL(name, goldens)));
    assert.ok(fills.size > 1);
    for (const fill of fills) {
      if (ON_SHADES.includes(fill)) continue;
      assert.ok(contrast(fill, BACKGROUNDS.light) >= LEAST, `${fill} on white`);
      assert.ok(contrast(dark.get(fill)!, BACKGROUNDS.dark) >= LEAST, `${dark.get(fill)} in the dark`);
    }
  });
}
