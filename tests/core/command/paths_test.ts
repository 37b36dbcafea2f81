/** Outputs of commands are checked before any work: none replaces another or what is read, and each can be written. */
import assert from "node:assert/strict";
import type { Command } from "commander";
import { createProgram } from "../../../src/apps/cli/program.ts";
import type { Context } from "core/command/context.ts";
import { writtenBy } from "core/command/destination.ts";
import { withFolder } from "../../support.ts";
import { expectFailures, type Failure, lamina, laminaHere } from "./cli.ts";
import { onUnix, words } from "../../tools.ts";

/** Files that look like a model's, a plan with its tensors, and texts; none can be opened, so a message about paths comes first. */
async function withFiles(use: (at: (name: string) => string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const at = (name: string) => `${folder}/${name}`;
    await Deno.mkdir(at("model"));
    await Deno.mkdir(at("real"));
    const names =
      words`model/config.json model/model.safetensors model/notes.json plan.json plan.safetensors text.txt
      file.gguf mine.safetensors`;
    for (const name of names) await write(at(name));
    await use(at);
    const left = await Array.fromAsync(Deno.readDir(folder));
    assert.ok(left.every(({ name }) => !name.endsWith(".part")));
    for (const { name, isFile } of left) {
      if (isFile) assert.match(await Deno.readTextFile(at(name)), /^\d+$/, `${name} is as it was`);
    }
  });
}

const write = (path: string) => Deno.writeTextFile(path, "7");

onUnix("two outputs are not one file, however it is spelt", () =>
  withFiles(async (at) => {
    await Deno.symlink("same.x", at("link"));
    await Deno.symlink("real", at("folder"));
    await Deno.symlink("text.txt", at("text"));
    await Deno.link(at("text.txt"), at("hard"));
    const pairs = [
      ...[["same.x", "same.x"], ["same.x", "./same.x"], ["same.x", "real/../same.x"], ["same.x", "link"]],
      ...[["link", "same.x"], ["real/a", "folder/a"], ["real/new/a", "folder/new/b/../a"], [
        "text",
        "text.txt",
      ]],
      ["text.txt", "hard"],
    ];
    const profile = words`profile no-such-model`;
    await expectFailures(lamina, [
      ...pairs.map(([json, csv]): Failure => [
        2,
        [...profile, "--json", at(json), "--csv", at(csv)],
        /lamina: --json \S+ and --csv \S+ are one file, expected two/,
      ]),
      [2, [...profile, ...words`--json - --csv /dev/stdout`], /--json - and --csv \S+ are one file/],
      [
        2,
        [...profile, "--results", at("kept"), "--json", at("real/../kept")],
        /--results \S+ and --json \S+ are one file/,
      ],
      [
        2,
        [...words`repair no-such-model --plan p --json`, at("a.json"), "--csv", at("a.safetensors")],
        /a\.safetensors of --json \S+ and --csv \S+ are one file/,
      ],
    ]);
    for (const [json, csv] of [["a", "b"], ["a", "A"], ["real/a", "a"], ["text.txt", "text.tx"]]) {
      if (csv === "A" && await isCaseBlind(at(""))) continue;
      const { err } = await lamina("info", "no-such-model", "--json", at(json), "--csv", at(csv));
      assert.match(err, /Cannot open no-such-model/, `${json} ${csv}`);
    }
  }));

const isCaseBlind = (folder: string) => Deno.stat(folder.toUpperCase()).then(() => true, () => false);

Deno.test("a command does not replace what it reads", () =>
  withFiles(async (at) => {
    const cases: [args: string[], out: string, flag?: string][] = [
      [["profile", at("file.gguf")], "file.gguf"],
      [["profile", at("model")], "model/config.json"],
      [["profile", at("model")], "model/model.safetensors", "--csv"],
      [["checkpoints", at("")], "model/config.json"],
      [["perplexity", "none", "--text", at("text.txt")], "text.txt"],
      [["sweep", "none", "--calibration-text", at("text.txt")], "text.txt"],
      [["guides", "none", "--held-out", at("text.txt")], "text.txt"],
      [["perplexity", "none", "--plan", at("plan.json")], "plan.json"],
      [["perplexity", "none", "--plan", at("plan.json")], "plan.safetensors", "--csv"],
      [["repair", "none", "--plan", at("plan.json")], "plan.json"],
      [["generate", "none", "--prompt", `@${at("text.txt")}`], "text.txt"],
      [["evaluate", "none", "--drop-mlp", `@${at("text.txt")}`], "text.txt"],
      [["speed", "none", "--evaluation", at("plan.json")], "plan.json"],
      [["compare", "none", at("plan.json")], "plan.json"],
      [["plan", at("plan.json"), "--drop", "1"], "plan.json"],
      [["merge", "none", at("plan.json")], "plan.json"],
    ];
    const said = (flag: string) =>
      RegExp(`lamina: .*${flag} \\S+ (are one file, expected two|is a model's file in <?-*\\w+)`);
    const lines = cases.map((
      [args, out, flag = "--json"],
    ): Failure => [2, [...args, flag, at(out)], said(flag)]);
    await expectFailures(lamina, lines);
    const { err } = await lamina("info", at("model"), "--json", at("model/notes.json"));
    assert.match(err, /Cannot read .*config\.json/, "a file that is not the model's may be replaced");
  }));

Deno.test("a repair replaces no file beside its plan that is not a plan's tensors", () =>
  withFiles(async (at) => {
    const [mine, unread] = [
      at("mine.json"),
      /mine\.safetensors: the file there cannot be read, expected the tensors/,
    ];
    const fit = words`fit none --loss 1 --json ${mine}`;
    await expectFailures(lamina, [
      [1, words`repair none --plan none.json --json ${mine}`, unread],
      [1, fit, /Cannot open none/], // a plan without tensors is one file
    ]);
  }));

const needed: Readonly<Record<string, readonly string[]>> = {
  repair: ["--plan", "none"],
  generate: ["--prompt", "a"],
  export: ["--format", "hf"],
  plan: ["--drop", "1"],
  fit: ["--loss", "1"],
  lab: ["--execute", "notebooks/01_importance.ipynb"],
};

Deno.test("every output of every command is refused before the work where it cannot be written", () =>
  withFiles(async (at) => {
    await Deno.mkdir(at("real.svg"));
    const failures: Failure[] = [];
    const visit = (command: Command, above: readonly string[]) => {
      for (const option of command.options) {
        const what = writtenBy(option, {});
        if (what === null || what === "kept") continue; // where nothing can be kept, one line says so
        const args = command.registeredArguments.map(({ argChoices }) => argChoices?.[0] ?? "no-such");
        const end = option.long === "--figure" ? ".svg" : "";
        const line = [...above, ...args, ...needed[above[0]] ?? [], option.long!];
        const refused = (path: string, message: RegExp) => failures.push([1, [...line, path], message]);
        refused(at(`text.txt/below${end}`), /Cannot write (into )?\S+text\.txt\/below\S*: /);
        // Where root may write by the permissions, and nobody can.
        refused(`/sys/kernel/none${end}`, /Cannot write (into )?\/sys\/kernel\/none/);
        if (what.endsWith("folder")) refused(at("text.txt"), /text\.txt: (found a file|it exists)/);
        else refused(at(`real${end}`), /Cannot write \S+real\S*: found a folder, expected a file/);
      }
      for (const child of command.commands) visit(child, [...above, child.name()]);
    };
    visit(createProgram({} as Context), []);
    assert.ok(new Set(failures.map(([, [name]]) => name)).size >= 19);
    await expectFailures((...args) => laminaHere(at("results"), ...args), failures);
  }));
