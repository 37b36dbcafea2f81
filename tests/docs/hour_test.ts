/**
 * A new user's first hour: every command of the README and of docs/, in order, from a folder that has nothing but the project's data.
 * Each succeeds and prints what the text around it promises. A small model (small.ts) takes the real one's place, but for `info`, and
 * before a release for none. Two commands that would not end here are left out: `task test`, which runs this test, and `task
 * lab`, which serves until it is stopped. The examples of docs/commands.md are tested beside it.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { writeSmall } from "../small.ts";
import { isRelease, thorough, withFolder } from "../support.ts";
import { printed, type Ran, ran, unless, words } from "../tools.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const PAGES = ["README.md", "docs/guide.md", "docs/notebooks.md", "docs/machines.md", "docs/engines.md"];

/** Lines that are commands, each once, in the order of the pages; `task start` as the command that it runs. */
const commands = new Set<string>();
for (const page of PAGES) {
  const text = await Deno.readTextFile(`${root}${page}`);
  for (
    const [, start, line] of text.matchAll(/^ {4}(?:npx -y deno@2\.9\.6 task (start)\b.*|(lamina .*))$/gm)
  ) {
    const command = (start ? `lamina ${start}` : line!).replaceAll("MODEL", "smollm2-135m");
    const small = command.replaceAll("smollm2-135m", "small").replace(
      /^lamina (start|figures)\b/,
      "$& small",
    );
    commands.add(isRelease || /^lamina info/.test(command) ? command : small);
  }
}

/** The README's line that defines `lamina`; npx, which names the current folder for `deno task`, is left out. */
const lamina = (await Deno.readTextFile(`${root}README.md`)).match(/^ {4}(.*lamina\(\) .*)$/m)![1]
  .replace("npx -y deno@2.9.6", () => 'INIT_CWD="$PWD" "$DENO"');

/** What each command has to print, on one stream or the other. */
const promises: Record<string, RegExp> = {
  start: /KLD[^]*page of figures: .*index\.html[^]*lamina (?:export|fit) /,
  profile: /attention, most redundant first, 10 of 30/,
  plan: /^$/,
  order: /attention by (?:angular|loss)[^]*order +module/,
  guides: /rank corr[^]*angular distance/,
  repair: /drop 4 of attention[^]*\(linear\)[^]*held out of the fits[^]*repaired/,
  fit: /(?:→ .* KLD|nothing is sure)[^]*that chose\s+nothing/,
  perplexity: /perplexity[^]*nothing[^]*attention/,
  evaluate: /full model[^]*(?:piqa|openbookqa|induction)[^]*with(?:out)? attention[^]*95 % interval/,
  sweep: /dropped[^]*importance[^]*(?:deepest|repaired: linear)/,
  generate: /attention/,
  checkpoints: /step[^]*4,?096/i,
  "random-init": /attention[^]*MLP/,
  causes: /attention[^]*entropy/,
  merge: /^$/,
  shards: /^$/,
  shard: /^$/,
  export: /model\.(?:gguf|safetensors) +\d+/,
  compare: /rank corr[^]*attention[^]*MLP|KLD, maximum[^]*equal within/,
  figures: /page of figures: .*index\.html/,
  info: /parameters +134,515,008[^]*licence +Apache-2\.0/,
  doctor: /ONNX Runtime/,
  speed: /tokens\/s|own batch/,
  lab: /the kernel "Lamina \(Deno\)" is described in/,
};

const hasBash = await printed("bash", ["-c", "true"]).then(() => true, () => false);

const WRITTEN = `the ${commands.size} commands of the README and docs/ run as written`;
unless(hasBash ? null : "no bash", thorough)(WRITTEN, async (t) => {
  assert.ok(commands.size > 25, [...commands].join("\n"));
  await withFolder(async (folder) => {
    await Deno.symlink(`${root}data`, `${folder}/data`);
    if (!isRelease) await writeSmall(`${folder}/small`);
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
  });
});

thorough("the README's lines of library print what it says", async () => {
  const readme = await Deno.readTextFile(`${root}README.md`);
  const blocks = readme.match(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)!.map((block) =>
    block.replaceAll(/^ {4}/gm, "").trim()
  );
  const script = blocks.find((block) => block.startsWith("import"))!;
  const [, shown] = /^\/\/ (.*)$/m.exec(script)!;
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/library.ts`, script);
    const args = words`run -A --quiet --config ${root}deno.json ${folder}/library.ts`;
    assert.equal((await printed(Deno.execPath(), args, { env: { NO_COLOR: "1" } })).trim(), shown);
  });
});

/** Runs a line of the pages in a folder, with `lamina` as the README defines it in the root. */
function runIn(folder: string, command: string): Promise<Ran> {
  const env = {
    DENO: Deno.execPath(),
    FOLDER: folder,
    NO_COLOR: "1",
    LAMINA_RESULTS: `${folder}/results`,
    JUPYTER_DATA_DIR: folder,
  };
  return ran("bash", ["-c", `${lamina}\ncd "$FOLDER"\n${command}`], { cwd: root, env });
}
