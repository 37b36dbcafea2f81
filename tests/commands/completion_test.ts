/** `lamina completion`: what a shell offers after the script of it is sourced. */
import assert from "node:assert/strict";
import { createProgram } from "../../src/commands/program.ts";
import type { Context } from "../../src/commands/shared/context.ts";
import { withFolder } from "../support.ts";
import { expectFailures, lamina } from "./cli.ts";

/** Whether a shell is on this machine. */
async function there(shell: string): Promise<boolean> {
  try {
    return (await new Deno.Command(shell, { args: ["-c", "exit 0"] }).output()).success;
  } catch {
    return false;
  }
}

/** What bash offers for the last of the words. */
async function offered(script: string, ...words: string[]): Promise<string[]> {
  const line = words.map((word) => `'${word}'`).join(" ");
  const code = `source '${script}'
COMP_WORDS=(lamina ${line}) COMP_CWORD=${words.length}
_lamina
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { LC_ALL: "C" }; // bash warns of a language that the machine does not have
  const { stdout, stderr, success } = await new Deno.Command("bash", { args: ["-uc", code], env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.ok(success, text(stderr));
  assert.equal(text(stderr), "");
  return text(stdout).split("\n").filter((word) => word !== "");
}

async function withScript(shell: string, use: (script: string) => Promise<void>): Promise<void> {
  const { code, out, err } = await lamina("completion", shell);
  assert.equal(code, 0, err);
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/lamina`, out);
    await use(`${folder}/lamina`);
  });
}

Deno.test({
  name: "bash completes commands, options, choices and names of models",
  ignore: !await there("bash"),
  fn: () =>
    withScript("bash", async (script) => {
      assert.deepEqual(await offered(script, "profile", "--sam"), ["--samples"]);
      assert.deepEqual(await offered(script, "profile", "smollm2-135m", "--results", "x", "--sam"), [
        "--samples",
      ]);
      assert.deepEqual(await offered(script, "pro"), ["profile"]);
      assert.deepEqual(await offered(script, "profile", "smo"), ["smollm2-135m"]);
      assert.deepEqual(await offered(script, "sweep", "m", "--target", ""), [
        "attention",
        "mlp",
        "block",
        "joint",
        "consecutive",
      ]);
      assert.deepEqual(await offered(script, "cache", "pr"), ["prune"]);
      assert.deepEqual(await offered(script, "cache", "prune", "--"), [
        "--all",
        "--yes",
        "--quiet",
        "--help",
      ]);
      assert.deepEqual(await offered(script, "completion", ""), ["bash", "zsh", "fish", "--quiet", "--help"]);
      assert.deepEqual(
        await offered(script, "profile", "--json", "x"),
        [],
        "a file, which bash completes itself",
      );
      const commands = createProgram({} as Context).commands.map((command) => command.name());
      assert.deepEqual(await offered(script, ""), [...commands, "--version", "--quiet", "--help"]);
    }),
});

for (const shell of ["zsh", "fish"] as const) {
  Deno.test({
    name: `the script of ${shell} is ${shell}`,
    ignore: !await there(shell),
    fn: () =>
      withScript(shell, async (script) => {
        const { success, stderr } = await new Deno.Command(shell, { args: ["-n", script] }).output();
        assert.ok(success, new TextDecoder().decode(stderr));
      }),
  });
}

Deno.test("the scripts of all shells know every command; another shell is a wrong use", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { out } = await lamina("completion", shell);
    for (const command of createProgram({} as Context).commands) {
      assert.match(out, new RegExp(`\\b${command.name()}\\b`), `${shell}: ${command.name()}`);
    }
    assert.match(out, shell === "fish" ? /-l samples -d/ : /--samples/);
  }
  await expectFailures(lamina, [[2, ["completion", "tcsh"], /Allowed choices are bash, zsh, fish/]]);
});
