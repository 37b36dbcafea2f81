/** Several profiles in one figure: on one scale, over relative depth where the models differ in depth, in the kinds' own colours. */
import assert from "node:assert/strict";
import { importanceFigure, magnitudeFigure, signFigure } from "features/profile/mod.ts";
import { COLORS, HUES } from "core/show/chart/draw/colors.ts";
import { depthOf } from "features/profile/figures/profiles.ts";
import { namesOf } from "core/show/words/names.ts";
import { several } from "./every_figure.ts";
import { refuses } from "../../support.ts";
import { profile } from "./synthetic.ts";
import { textBoxes } from "./text_boxes.ts";

const { same, deep } = several;

const figures = { importance: importanceFigure, magnitude: magnitudeFigure, sign: signFigure };

for (const [name, draw] of Object.entries(figures)) {
  Deno.test(`figure ${name} names several profiles, draws one in a list as one alone, and refuses what is none`, async () => {
    for (const profiles of [same, deep]) assert.match(draw(profiles).setting, /stories.*wiki/);
    assert.equal(draw([same[0]]).svg, draw(same[0]).svg);
    assert.equal(draw([same[0]]).csv, draw(same[0]).csv);
    const texts = textBoxes(draw(same).svg).map(({ text }) => text);
    for (const label of ["stories", "wiki", "code"]) assert.ok(texts.includes(label), label);
    await refuses("Cannot draw: ", (profiles: unknown) => draw(profiles as never), [
      [[], "the number of profiles is 0, expected at least 1"],
      [[same[0], 3], "profile[1] is 3, expected a profile", "TypeError"],
    ]);
  });
}

Deno.test("models of different depth are drawn over relative depth, and the rows have it", () => {
  const { svg, csv } = importanceFigure(deep);
  const words = textBoxes(svg).map(({ text }) => text);
  assert.ok(words.includes("relative depth →") && !words.includes("layer →"));
  assert.match(csv, /^profile,model,.*,module,layer,importance,standard_error,.*,relative_depth\n/);
  assert.match(csv, /\nwiki,.*,mlp,11,.*,1\n/);
  assert.deepEqual([depthOf(0, 12), depthOf(11, 12), depthOf(0, 1)], [0, 1, 0]);
  const equal = textBoxes(importanceFigure(same).svg).map(({ text }) => text);
  assert.ok(equal.includes("layer →") && !equal.includes("relative depth →"));
});

Deno.test("profiles go by what differs", () => {
  assert.deepEqual(namesOf(same), ["stories", "wiki", "code"]);
  const dropped = profile({ layers: 6, attention: [1] });
  assert.deepEqual(namesOf([same[0], dropped]), ["full model", "without attention 1"]);
  assert.deepEqual(namesOf([same[0], dropped, { ...same[1] }]).length, 3);
  assert.deepEqual(new Set(namesOf([same[0], dropped, same[1]])).size, 3);
  assert.deepEqual(namesOf([same[0], same[0]]), ["first", "second"]);
});

Deno.test("no category has the colour of a kind of module", () => {
  const kinds: readonly string[] = Object.values(COLORS);
  assert.deepEqual(HUES.filter((hue) => kinds.includes(hue)), []);
  assert.equal(new Set(HUES).size, HUES.length);
});
