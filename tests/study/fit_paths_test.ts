/** A fit on paths: more may go where a path wins back what drops lose, never less, and files hold what the bytes say. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exportModel } from "../../src/export/mod.ts";
import { accuracyChange, paired } from "../../src/figures.ts";
import { type Format, FORMATS, HOLDS, SHARING, sizerOf } from "../../src/formats/mod.ts";
import { WAYS } from "../../src/measure/mod.ts";
import { noDrop } from "../../src/run/mod.ts";
import { rowsOf, tableText } from "../../src/show/mod.ts";
import { evaluate, fit, type FitOptions, perplexities, profile } from "../../src/study/mod.ts";
import { pathsBy } from "../../src/study/sweep/ways.ts";
import { openModel, sizesOf } from "../../src/subject/mod.ts";
import { fit as synthetic } from "../show/synthetic_fit.ts";
import { withFolder } from "../support.ts";
import { withTiny } from "./tiny.ts";

const trained = fileURLToPath(new URL("../../data/series/pre-ln/step04096", import.meta.url));
const text = {
  text: fileURLToPath(new URL("../../README.md", import.meta.url)),
  length: 32,
  engine: "cpu",
} as const;
const sizes = { longest: 1, windows: [2], times: [2] };
const model = await openModel(trained);
const all: FitOptions = {
  ...{ ...text, samples: 16, profile: await profile(model, { ...text, samples: 2 }) },
  ...{ targets: ["attention"], unchecked: true, time: false },
};
globalThis.addEventListener("unload", () => model.close());

Deno.test("a path that wins back what drops lose lets more go; it is confirmed behind the plans without one", async () => {
  const asked = { ...all, loss: 0.3, format: "onnx" } as const;
  const [bare, found] = [await fit(model, asked), await fit(model, { ...asked, paths: WAYS })];
  assert.deepEqual(found.paths, WAYS);
  assert.deepEqual(found.tried.slice(0, bare.tried.length), bare.tried);
  const costsOf = ({ confirmed }: typeof bare) => confirmed.map(({ cost }) => cost);
  assert.deepEqual(costsOf(found).slice(0, bare.confirmed.length), costsOf(bare));
  const [own, without] = [found, bare].map(({ tried, answer }) => tried[answer!]);
  assert.ok(own.drop.path && own.dropped > without.dropped);

  // The answer keeps its promise on the half that did not choose, as perplexities says.
  const half = { ...text, samples: 8, skip: 8 };
  const [full, run] = await perplexities(model, [{}, own.drop], half);
  const { rise: value, low, high } = paired(run, full);
  assert.deepEqual(found.confirmed.at(-1)!.cost, { value, low, high });
  assert.ok(high! <= 0.3);

  // The file holds each layer once; each further visit of attention has keys and values of its own.
  const { parameters, kvBytes } = sizesOf(model.spec);
  const { attention: [size] } = sizesOf(model.spec);
  const { attention, path } = own.drop;
  const loops = pathsBy(["loop"], 8, sizes);
  const again = loops.find((one) => JSON.stringify(one.path) === JSON.stringify(path))!;
  const more = [again.first, again.last].filter((layer) => !attention.includes(layer)).length;
  assert.equal(own.saves.parameters, attention.length * size!);
  assert.equal(own.saves.kvBytesPerToken, (attention.length - more) * kvBytes[0]!);
  assert.ok(own.saves.parametersShare === own.saves.parameters / parameters);
  await withFolder(async (folder) => {
    const { sizes: written } = await exportModel(model, found.plan!, {
      format: "onnx",
      out: `${folder}/onnx`,
    });
    assert.equal(written.smaller, own.bytes);
    assert.ok(written.smaller < written.whole! && written.smaller < without.bytes!);
  });
  assert.match(tableText([found]), /It runs 2 layers more than its drops alone, and is slower for it\./);
  const runs = rowsOf([found]).map((row) => row.runs);
  assert.deepEqual([...new Set(runs)].sort(), [10, 8, 9]); // as texts: a loop, none and a repeat
});

Deno.test("where no path helps, the answer is that of the drops alone, and says so", async () => {
  for (const loss of [0.1, 0.5]) {
    const asked = { ...all, loss, format: "onnx" } as const;
    const [bare, found] = [await fit(model, asked), await fit(model, { ...asked, paths: WAYS })];
    assert.deepEqual([found.answer, found.plan, found.confirmed], [bare.answer, bare.plan, bare.confirmed]);
    assert.ok(found.tried.length > bare.tried.length);
    assert.match(
      tableText([found]),
      /No path helped: none of 29 plans on a path with a larger saving is sure to keep the promise/,
    );
    assert.doesNotMatch(tableText([bare]), /path/);
  }
});

Deno.test("an accuracy is kept on paths too, document by document as evaluate asks them", () =>
  withTiny(async ({ model, options: { samples: _samples, ...own } }) => {
    const calibration = { text: own.text!, samples: 4, length: own.length! };
    const asked = { ...own, calibration, secondText: "none", unchecked: true, time: false } as const;
    const tasks = { accuracy: 100, tasks: ["openbookqa"], limit: 16, targets: ["attention"] } as const;
    const [bare, found] = [
      await fit(model, { ...asked, ...tasks }),
      await fit(model, { ...asked, ...tasks, paths: ["swap"] }),
    ];
    assert.deepEqual(found.tried.slice(0, bare.tried.length), bare.tried);
    assert.ok(found.tried[found.answer!].dropped >= bare.tried[bare.answer!].dropped);
    const narrow = { ...tasks, accuracy: 1, format: "onnx", paths: ["repeat", "swap"] } as const;
    const { tried } = await fit(model, { ...asked, ...narrow });
    const onPath = tried.filter(({ drop }) => drop.path);
    assert.ok(onPath.length > 0);
    const [full, ...runs] = await evaluate(model, [{}, ...onPath.map(({ drop }) => drop)], {
      ...{ tasks: tasks.tasks, limit: 8, prompts: 0, engine: "cpu" },
    });
    const changes = runs.map((run) => accuracyChange(run, full));
    assert.deepEqual(
      onPath.map(({ cost }) => cost.value),
      changes.map(({ difference }) => 0 - 100 * difference),
    );
  }));

Deno.test("an answer says what became of paths, and of keys and values that they add", () => {
  const made = synthetic({ layers: 6 });
  const [one] = made.tried;
  const saves = { ...one.saves, kvBytesPerToken: -64, kvShare: -1 / 6 };
  const path = { ...one, saves, drop: { ...one.drop, path: [0, 0, 1, 2, 3, 4, 5] } };
  const says = (own: Partial<typeof made>) => tableText([{ ...made, paths: ["repeat"], ...own }]);
  assert.match(says({}), /No path was tried: none saves more than drops alone\./);
  // It may not have been asked there: a smaller plan may have failed before it.
  assert.match(
    says({ tried: [...made.tried, path] }),
    /of 1 plan on a path with a larger saving, 1 kept the promise on the samples that choose; none was confirmed\./,
  );
  const answer = says({ tried: [path, ...made.tried.slice(1)], answer: 0 });
  assert.match(answer, /parameters; it keeps 16.7 % more keys and values/);
  assert.match(answer, /It runs 1 layer more than its drops alone, and is slower for it/);
});

Deno.test("a format that copies layers counts them again: a path has to save more than it copies", async () => {
  const { tried, answer } = await fit(model, { ...all, loss: 0.2, paths: ["repeat"] });
  const onPath = tried.filter(({ drop }) => drop.path);
  const { attention, mlp } = sizesOf(model.spec);
  for (const { drop, saves } of onPath) {
    const [layer] = drop.path!.filter((step, i) => step === drop.path![i - 1]) as number[];
    const copied = mlp[layer]! + (drop.attention.includes(layer) ? 0 : attention[layer]!);
    assert.equal(saves.parameters, drop.attention.length * attention[0]! - copied);
    assert.ok(saves.parameters > tried[answer!].saves.parameters);
  }
  assert.ok(onPath.length > 0);
});

Deno.test("no path is tried that makes a file larger than the model's own, also where drops stay in it", async () => {
  const notices: string[] = [];
  const asked = { ...all, loss: 0.3, format: "hf", paths: ["repeat", "swap"] } as const;
  const { file, tried } = await fit(model, { ...asked, onNotice: (line) => notices.push(line) });
  const onPath = tried.filter(({ drop }) => drop.path);
  onPath.forEach(({ bytes, drop }) => assert.ok(bytes! <= file!.whole && drop.path!.length === 8));
  assert.ok(onPath.length > 0);
  assert.match(notices.join("\n"), /on a path that a hf file cannot hold or that enlarge it are not tried/);
});

Deno.test("files hold the ways that formats are said to hold, and share layers where they are said to", () =>
  withTiny(async ({ model }) => {
    const layers = model.spec.layers.length;
    for (const format of FORMATS) {
      using sizer = await (await sizerOf(model, format))?.open() ?? null;
      if (!sizer) continue;
      for (const way of WAYS) {
        const { path } = pathsBy([way], layers, sizes)[0];
        const bytes = await sizer.bytesOf({ ...noDrop, path });
        assert.equal(bytes !== null, HOLDS[format].includes(way), `${format} ${way}`);
        if (way !== "repeat" || bytes === null) continue;
        const { attention, mlp } = sizesOf(model.spec);
        const grown: number = bytes - sizer.whole;
        assert.equal(
          grown < 2 * (attention[0]! + mlp[0]!),
          SHARING.includes(format),
          `${format} grows by ${grown}`,
        );
      }
    }
  }));

Deno.test("a path that a format cannot hold is refused before the model is opened", async () => {
  const refused = (format: Format, paths: FitOptions["paths"], words: RegExp) =>
    assert.rejects(fit("no/such", { loss: 0.1, format, paths }), words);
  await refused(
    "hf",
    ["repeat", "loop"],
    /^RangeError: Cannot fit: a file in format hf cannot hold a path of the way loop, expected `paths` of repeat, swap, or another `format`/,
  );
  await refused(
    "llm-drop",
    ["swap"],
    /format llm-drop cannot hold a path of the way swap, expected another `format`/,
  );
  await assert.rejects(
    fit(model, { ...all, loss: 0.1, paths: ["beside"] }),
    /format gguf-deci cannot hold a path of the way beside/,
  );
  await assert.rejects(
    fit(model, { parameters: 0.1, paths: ["swap"] }),
    /found paths without loss or perplexity or accuracy/,
  );
  await assert.rejects(fit(model, { loss: 0.1, paths: ["twice"] as never }), /paths\[0\] is "twice"/);
});
