/** Every text of every figure can be read in both themes (WCAG 2.2, 1.4.3), at the sizes that figures have. */
import assert from "node:assert/strict";
import { STYLE } from "../../src/show/page/style.ts";
import { sizesFigure } from "../../src/show/mod.ts";
import { dotsOf, readCsv } from "./check_svg.ts";
import { sizedSweep, sweep } from "./synthetic.ts";

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

// t(3) × 0.01 is 0.032 nats: of 4 samples. 1 % is 0.00995 nats and 10 % 0.0953; one module costs 0.05 × factor.
const costing = (name: string, factor: number, layers = 12, samples = 4) =>
  sizedSweep(name, { layers, samples }, factor);

Deno.test("the title counts the modules that can go, and says where the intervals cannot tell", () => {
  const { title, subtitle, reading } = sizesFigure([
    costing("smol-135m-instruct", 4),
    costing("qwen2.5-coder-0.5b-instruct-q4_k_m", 1.5),
    costing("qwen2.5-coder-1.5b-instruct-q4_k_m", 0.2),
  ]);
  assert.equal(
    title,
    "Attention that can go for at most 10 % more perplexity: 0 of 12 (135M), 0 to 1 of 12 (0.5B, cannot tell), " +
      "4 or more of 12 (1.5B)",
  );
  assert.match(
    subtitle,
    /^For at most 1 %: 0 of 12 \(135M\), 0 of 12 \(0\.5B\), 0 to 4 of 12 \(1\.5B, cannot tell\);/,
  );
  assert.match(
    reading,
    /attention: smol 135M without 33 % \+0\.80 nats per token \(95 %: 0\.77 to 0\.83\); /,
  );
  assert.match(reading, /MLP: .*qwen2\.5-coder 1\.5B without 33 % \+0\.80/);
});

Deno.test("a line has a dot for each number of drops, in shares of its own model's layers", () => {
  const figure = sizesFigure([costing("a-1b", 1, 4), costing("b-2b", 1, 40)]);
  assert.equal(dotsOf(figure), 2 * 2 * 4);
  const rows = readCsv(figure.csv);
  assert.deepEqual(
    [...new Set(rows.filter(({ model }) => model === "a-1b").map(({ share }) => share))].map(Number),
    [0, 0.25, 0.5, 1],
  );
  assert.ok(rows.every(({ share }) => Number(share) <= 1));
});

Deno.test("names without a size, or with the same size, stay apart; long ones are shortened", () => {
  const same = sizesFigure([costing("a-1b", 1), costing("b-1b", 1)]);
  assert.match(same.title, /\(a 1B, .*\(b 1B, /);
  const none = sizesFigure([costing("pre-ln_step00512", 1), costing("m".repeat(60), 1)]);
  assert.match(none.title, /\(pre-ln_step00512.*\(m+…/);
  assert.match(sizesFigure([costing("8b", 1)]).title, /\(8B/);
  assert.match(
    sizesFigure([costing("A_VERY-long-family_name.of-models-70B.Q4_K_M", 1)]).reading,
    /A_VERY-long-\w+… 70B/,
  );
});

Deno.test("a single sample has no interval and cannot tell", () => {
  const { title, svg, reading } = sizesFigure([costing("a-1b", 1, 12, 1)]);
  assert.match(title, /: 0 to 4 of 12 \(1B, cannot tell\)$/);
  assert.match(reading, /one sample, no interval/);
  assert.ok(!/NaN|Infinity/.test(svg));
});

Deno.test("sweeps without MLPs have one panel; one without attention by importance is refused", () => {
  const bare = costing("a-1b", 1);
  const alone = { ...bare, curves: bare.curves.slice(0, 1) };
  assert.equal(dotsOf(sizesFigure([bare, alone])), 2 * 4);
  const refused = /sweeps\[1\] is a sweep, expected a sweep of attention by importance/;
  assert.throws(() => sizesFigure([bare, { ...bare, curves: bare.curves.slice(1) }]), refused);
  assert.throws(() => sizesFigure([bare, sweep({ layers: 4 }, [0])]), refused);
});
