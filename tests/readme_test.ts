/**
 * A new user's first hour: every command of the README, in its order, from a folder that has nothing but the project's data.
 * Each ends well and prints what the text around it promises. The two that would not end here are left out: `task test`, which
 * this is part of, and `task lab`, which serves until it is stopped.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { nameOf, readCells } from "./notebooks/notebook.ts";
import { pictures, startSweep } from "./notebooks/pictures.ts";
import { unread } from "./notebooks/prose.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const readme = await Deno.readTextFile(`${root}README.md`);

/** Lines of the README that are commands, in order; `task start` as the command that it runs. */
const commands = [...readme.matchAll(/^ {4}(?:npx -y deno@2\.9\.6 task (start)\b.*|(lamina .*))$/gm)]
  .map(([, start, line]) => (start ? `lamina ${start}` : line!).replaceAll("MODEL", "smollm2-135m"));

/** What each command has to print, on one stream or the other. */
const promises: Record<string, RegExp> = {
  start: /page of figures: .*index\.html/,
  profile: /attention, most redundant first, 10 of 30/,
  plan: /^$/,
  order: /attention by gate-norm[^]*order +module/,
  verify: /^mistral-7b:\n524288 tokens, 1 plan/,
  guides: /rank corr[^]*gate norm/,
  perplexity: /perplexity[^]*nothing[^]*attention/,
  evaluate: /full model[^]*piqa[^]*without attention[^]*95 % interval/,
  sweep: /dropped[^]*importance[^]*deepest/,
  generate: /attention/,
  checkpoints: /step[^]*4,?096/i,
  "random-init": /attention[^]*MLP/,
  causes: /attention[^]*entropy/,
  merge: /^$/,
  shards: /^$/,
  shard: /^$/,
  export: /model\.gguf +\d+/,
  compare: /rank corr[^]*attention[^]*MLP/,
  figures: /page of figures: .*index\.html/,
  doctor: /ONNX Runtime/,
  speed: /tokens\/s|paper/,
  lab: /the kernel "Lamina \(Deno\)" is described in/,
};

const hasBash = await new Deno.Command("bash", { args: ["-c", "true"] }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: `the ${commands.length} commands of the README run as written${hasBash ? "" : " (skipped: no bash)"}`,
  ignore: !hasBash,
  async fn(t) {
    assert.ok(commands.length > 15, "the README has commands");
    const folder = await Deno.makeTempDir();
    try {
      await Deno.symlink(`${root}data`, `${folder}/data`);
      for (const command of commands) {
        await t.step(command, async () => {
          const { code, out, err } = await runIn(folder, command);
          assert.equal(code, 0, `${command}\n${err}`);
          const [, name] = command.split(" ");
          assert.match(out, promises[name]);
        });
      }
      const plan = JSON.parse(await Deno.readTextFile(`${folder}/plan.json`));
      assert.equal(plan.attention.length, 4);
      const both = JSON.parse(await Deno.readTextFile(`${folder}/both.json`));
      assert.equal(both.provenance.packing.samples, 4);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("cells of the README's table of claims are short, and its pictures and notebooks are there", async () => {
  const rows = readme.split("\n").filter((line) => /^\| C\d /.test(line));
  assert.equal(rows.length, 9);
  for (const line of rows) {
    for (const cell of line.split("|").map((cell) => cell.trim().replace(/\[(\w+)\]\([^)]*\)/g, "$1"))) {
      assert.ok(cell.length <= 60, cell);
    }
  }
  const paths = [...readme.matchAll(/(?:\]\(|src=")((?!https?:|#)[^)"]+)/g)].map(([, path]) => path);
  assert.ok(paths.length > 15);
  for (const path of paths) await Deno.stat(`${root}${path}`);
});

/** A row of the table of claims: its cells by their column, and the notebooks that it names. */
const claims = readme.split("\n").filter((line) => /^\| C\d /.test(line)).map((row) => {
  const [, id, , measured, , setting] = row.split("|").map((cell) => cell.trim());
  const paths = [...row.matchAll(/\]\((notebooks\/[^)]+)\)/g)].map(([, path]) => root + path);
  return { id, measured, setting, paths };
});

Deno.test("every number in the README's table of claims is one that a notebook of its row shows, and so is its setting", async () => {
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
  const { provenance, calibration, curves } = await startSweep();
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

/** Runs a line of the README where `lamina` is the command line of this checkout. */
async function runIn(folder: string, command: string): Promise<{ code: number; out: string; err: string }> {
  const lamina = `lamina() { "$DENO" run -A --quiet --config "$ROOT/deno.json" "$ROOT/src/cli.ts" "$@"; }`;
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `${lamina}; ${command}`],
    cwd: folder,
    env: {
      DENO: Deno.execPath(),
      ROOT: root,
      NO_COLOR: "1",
      LAMINA_RESULTS: `${folder}/results`,
      JUPYTER_DATA_DIR: folder,
    },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}
