/** What notebooks are told of the public functions. */
import assert from "node:assert/strict";
import * as figures from "../../src/figures.ts";
import * as lamina from "../../src/mod.ts";
import { helpText } from "../../src/show/help.ts";

Deno.test("of a function: signature, documentation and the options that it takes, and no path of this machine", async () => {
  const text = await helpText(lamina.profile);
  assert.match(
    text,
    /^async function profile\(model: StudyModel \| string, options: ProfileOptions\): Promise<Profile>\n/,
  );
  for (
    const part of [
      "Measures the importance of every module of a model",
      "interface ProfileOptions",
      "drop?:",
      "readonly samples: number",
      "signal?:",
      "engine?:",
      "precision?:",
    ]
  ) {
    assert.ok(text.includes(part), part);
  }
  assert.doesNotMatch(text, /file:\/\/|Defined in/);
  assert.equal(await helpText("profile"), text);
});

Deno.test("of all of them: every public function with its first sentence", async () => {
  const lines = (await helpText()).split("\n");
  const names = Object.entries({ ...lamina, ...figures }).filter(([, value]) => typeof value === "function")
    .map(([name]) => name);
  assert.ok(
    lines.indexOf('import … from "lamina/figures"') > lines.findIndex((line) => line.startsWith("profile ")),
  );
  const place = (line: string) => lines.findIndex((other) => other.startsWith(line));
  const order = [
    "Measure:",
    "profile ",
    "Choose:",
    "makePlan ",
    "Price:",
    "evaluate ",
    "Take away:",
    "Look:",
  ];
  assert.deepEqual(order.map(place).toSorted((a, b) => a - b), order.map(place));
  assert.ok(place("Draw:") < place("qualityFigure "), "figures have a group of their own");
  for (const name of names) {
    const line = lines.find((line) => line.startsWith(`${name} `));
    assert.match(line ?? "", /^\w+ {2,}[A-Z0-9].*[.:;]$/, name);
  }
});
