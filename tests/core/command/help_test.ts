/** Help: its pages within 80 columns, and the defaults that comments name. */
import assert from "node:assert/strict";
import { commandsOf, helpOf, pathOf, usualProgram } from "../../docs/commands.ts";
import { LIMITS, TARGETS } from "features/fit/mod.ts";
import { widthOf } from "core/show/plain.ts";
import { expectFailures, lamina } from "./cli.ts";

/** Fails with one sentence, where `assert.match` would print the whole help. */
const expectIn = (help: string, wanted: RegExp, what: string) =>
  assert.ok(wanted.test(help), `the help lacks ${what}: expected ${wanted}`);

Deno.test("help prints the help of a command, at any depth, and refuses what is none", async () => {
  for (const [path, first] of [["profile", "profile"], ["cache prune", "cache prune"], ["", ""]]) {
    const { code, out } = await lamina("help", ...path.split(" ").filter(Boolean));
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^Usage: lamina ${first}`));
  }
  assert.equal((await lamina("cache", "help", "prune")).out, (await lamina("help", "cache", "prune")).out);
  await expectFailures(lamina, [
    [2, ["help", "--zebra"], /unknown option '--zebra'/],
    [2, ["cache", "help", "--zebra"], /unknown option '--zebra'/],
    [2, ["help", "zebra"], /unknown command 'zebra'/],
    [2, ["help", "profile", "zebra"], /unknown command 'zebra'/],
    [2, ["environment", "--zebra"], /unknown option '--zebra'/],
  ]);
});

Deno.test("the help of lamina fits one screen and names every command; help all describes each", async () => {
  const [brief, whole] = await Promise.all([lamina("--help"), lamina("help", "all")]);
  const lines = brief.out.split("\n").length;
  assert.ok(lines <= 40, `lamina --help has ${lines} lines, expected at most 40`);
  for (const command of usualProgram().commands) {
    const name = command.name();
    expectIn(brief.out, new RegExp(`[ ,]${name}\\b`), `${name} (lamina --help)`);
    expectIn(whole.out, new RegExp(`^  ${name} +\\w`, "m"), `a description of ${name} (lamina help all)`);
  }
});

Deno.test("the help of fit shows every limit and target, its tasks and ten options more; with `all`, every option", async () => {
  const lines = [["fit", "-h"], ["fit", "--help", "all"], ["help", "fit", "all"]];
  const [first, ...all] = (await Promise.all(lines.map((line) => lamina(...line)))).map(({ out }) =>
    out.match(/^ {2}--[\w-]+/gm)!.map((flag) => flag.trim())
  );
  const aims = [...LIMITS, ...TARGETS];
  assert.ok(aims.every((aim) => first.includes(`--${aim}`)));
  assert.equal(first.length, aims.length + 1 + 10, first.join());
  const { options } = usualProgram().commands.find((command) => command.name() === "fit")!;
  for (const flags of all) assert.deepEqual(flags, options.map(({ long }) => long));
});

Deno.test("the page about exit codes has those of single commands, by number", async () => {
  const pages = await Promise.all([lamina("help", "environment"), lamina("environment")]);
  for (const { out } of pages) {
    const [, list] = out.match(/Exit codes:\n((?: {2}.+\n)+)/) ?? [];
    const codes = [...list.matchAll(/^ {2}(\d+)/gm)].map(([, code]) => Number(code));
    assert.deepEqual(codes, [0, 1, 2, 3, 75, 129, 137, 141]);
    assert.match(list, / 3 +merge: shards are missing\n/);
  }
});

const FILES: Readonly<Record<string, readonly string[]>> = {
  fit: ["fit/limits", "fit/options"],
  evaluate: ["evaluate/study"],
  generate: ["generate/generate"],
  causes: ["causes/work"],
  order: ["orders/request", "orders/constraints"],
  sweep: ["sweep/parts", "orders/constraints"],
  speed: ["speed/study"],
  "random-init": ["untrained/random_init"],
};
const COMMENT = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*(?:readonly )?(\w+)\??:/g;

/** Defaults that are numbers, by option, as comments name them; of several the first. */
async function commented(file: string): Promise<[name: string, value: string][]> {
  const text = await Deno.readTextFile(new URL(`../../../src/features/${file}.ts`, import.meta.url));
  return [...text.matchAll(COMMENT)].flatMap(([, comment, name]) => {
    const [, value] = comment.match(/default: (\d+(?:\.\d+)?)/) ?? [];
    return value === undefined ? [] : [[name, value]];
  });
}

Deno.test("comments and help name the same defaults", async () => {
  const program = usualProgram();
  let compared = 0;
  for (const [name, files] of Object.entries(FILES)) {
    const command = program.commands.find((one) => one.name() === name)!;
    for (const [option, value] of (await Promise.all(files.map(commented))).flat()) {
      const flag = command.options.find((one) => one.attributeName() === option);
      if (!flag) continue;
      const [usual] = flag.defaultValueDescription?.match(/^\d+(?:\.\d+)?/) ?? [];
      assert.equal(usual, value, `${name}: ${option}`);
      compared++;
    }
  }
  assert.ok(compared >= 15, `${compared} defaults`);
});

for (const command of commandsOf()) {
  const name = pathOf(command);
  Deno.test(`${name} --help fits 80 columns, and names its groups, an example and the page on the environment`, () => {
    const [help, first] = [helpOf(command), helpOf(command, [])];
    if (help !== first && command.parent) {
      expectIn(first, /\nAll \d+ options: lamina \S+ --help all\n/, "the way to all options");
    }
    assert.deepEqual(`${first}\n${help}`.split("\n").filter((line) => widthOf(line) > 80), []);
    expectIn(help, new RegExp(`\\nExample:\\n  lamina ${name.split(" ")[1] ?? ""}`), "an example");
    const page = /\nEnvironment variables and exit codes: lamina help environment$/m;
    expectIn(help, page, "the page on the environment");
    const own = command.options.filter(({ helpGroupHeading }) => helpGroupHeading === undefined);
    const shared = help.search(/^(Modules to \w+|Text|Model and engine|Results):$/m);
    for (const { flags } of own) assert.ok(shared < 0 || help.indexOf(`  ${flags}`) < shared, flags);
    assert.ok(!/default: (false|\[\])/.test(help), "the help names a default that is none: false or []");
    for (const { mandatory, flags } of command.options) {
      if (mandatory) expectIn(help, new RegExp(`${flags} (?:(?!\\n  -)[^])*\\(required`), "(required)");
    }
  });
}
