/**
 * A new user's first hour: every command of the README, in its order, from a folder that has nothing but the project's data.
 * Each ends well and prints what the text around it promises. The two that would not end here are left out: `task test`, which
 * this is part of, and `task lab`, which serves until it is stopped.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readCells } from "./notebooks/notebook.ts";
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
  const claims = readme.split("\n").filter((line) => /^\| C\d /.test(line));
  assert.equal(claims.length, 9);
  for (const line of claims) {
    for (const cell of line.split("|").map((cell) => cell.trim().replace(/\[(\w+)\]\([^)]*\)/g, "$1"))) {
      assert.ok(cell.length <= 60, cell);
    }
  }
  const paths = [...readme.matchAll(/(?:\]\(|src=")((?!https?:|#)[^)"]+)/g)].map(([, path]) => path);
  assert.ok(paths.length > 15);
  for (const path of paths) await Deno.stat(`${root}${path}`);
});

Deno.test("numbers in the README's table of claims are those of the notebooks that it names", async () => {
  for (const row of readme.split("\n").filter((line) => /^\| C\d /.test(line))) {
    const cells = await Promise.all(
      [...row.matchAll(/\]\((notebooks\/[^)]+)\)/g)].map(([, path]) => readCells(root + path)),
    );
    assert.ok(cells.length > 0, row);
    const outputs = cells.flat().filter(({ type }) => type === "code");
    const [, , , measured] = row.split("|");
    assert.deepEqual(
      unread([...outputs, { type: "markdown", source: measured, executionCount: null, outputs: [] }]),
      [],
      row,
    );
  }
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
