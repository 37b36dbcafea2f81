// deno-lint-ignore-file no-control-regex -- control characters are what is tested
/** Prompts, names and arguments cannot act on a terminal; a full standard output is reported in one line. */
import assert from "node:assert/strict";
import { CLI, lamina, root, withDesk } from "./cli.ts";
import { isThorough, onLinux, ran, words } from "../../tools.ts";

const HOSTILE = "a\x1b]0;title\x07\x1b[2J\u009b1m\u202eb\rc";
const ACTS = /[\x01-\x09\x0b-\x1f\x7f-\x9f\u202e]/;

Deno.test("generate prints a prompt without control characters; its JSON keeps the exact prompt", () =>
  withDesk(async ({ folder, run }) => {
    const args = ["generate", folder, "--prompt", `${HOSTILE}\nd`, "--tokens", "2"];
    const [shown, json] = await Promise.all([run(...args), run(...args, "--json", "-")]);
    assert.equal(shown.code, 0, shown.err);
    assert.doesNotMatch(shown.out, ACTS);
    assert.match(shown.out, /^— full model —\na\ufffd\]0;title\ufffd\ufffd\[2J\ufffd1m\ufffdb c\nd/);
    assert.equal(JSON.parse(json.out).prompt, `${HOSTILE}\nd`);
    assert.doesNotMatch(json.out, ACTS);
  }));

Deno.test("an error is one line, whatever it cites", async () => {
  const name = `${HOSTILE}\nlamina: done`;
  const commands: [number, ...string[]][] = [
    [1, "profile", name],
    [1, "plan", name, "--target", "mlp", "--drop", "1"],
    [1, "cache", "verify", name],
    [2, name],
    [2, "profile", "x", "--samples", name],
    [2, "profile", "x", `--${name}`],
    [2, "plan", "x", "--by", name],
  ];
  await Promise.all(commands.map(async ([expected, ...args]) => {
    const { code, out, err } = await lamina(...args);
    assert.equal(code, expected, err);
    assert.equal(out, "");
    assert.doesNotMatch(err, ACTS);
    assert.match(err, expected === 1 ? /^lamina: Cannot .*\n$/ : /^lamina: .*\n(\(for example: .*\)\n)?$/);
  }));
});

onLinux(
  "a full standard output is one line and exit code 1; a full standard error ends nothing",
  async () => {
    const through = (redirection: string, ...args: string[]) => {
      const command = words`-c ${`exec "$@" ${redirection}`} sh ${Deno.execPath()} ${CLI} ${args}`;
      return ran("sh", command, { cwd: root });
    };
    const err = "lamina: Cannot write to standard output: no space left on the disk\n";
    const all = [["models", "--json", "-"], ["--version"], ["models"], ["--help"]];
    for (const args of all.slice(0, isThorough ? 4 : 2)) {
      assert.deepEqual(await through(">/dev/full", ...args), { code: 1, out: "", err });
    }
    assert.deepEqual(await through("2>/dev/full", "nonsense"), { code: 2, out: "", err: "" });
    const cache = await through("2>/dev/full", "cache"); // which says on stderr where the cache is
    assert.equal(cache.code, 0);
    assert.notEqual(cache.out, "");
  },
);

Deno.test("--quiet leaves results and errors alone", () =>
  withDesk(async ({ folder, text, run }) => {
    const args = ["profile", folder, ...text];
    const [usual, quiet] = [await run(...args), await run(...args, "--quiet")];
    assert.match(usual.err, /: done in /);
    assert.deepEqual(quiet, { ...usual, err: "" });
    const failed = await run("profile", folder, "--text", "no-such", "--quiet");
    assert.deepEqual([failed.code, failed.out], [1, ""]);
    assert.match(failed.err, /^lamina: Cannot read text no-such: [^\n]*\n$/);
    assert.match((await run("--quiet", "profile", folder, "--samples", "x")).err, /^lamina: /);
  }));
