/** Files are written whole or not at all; links are followed, pipes and devices written to, and nothing is left behind. */
import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { writeTogether, writeWhole } from "core/disk/mod.ts";
import { temporaryName } from "core/disk/temporary.ts";
import { withFolder } from "../../support.ts";
import { onLinux, onUnix, printed, ran } from "../../tools.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("writing replaces the whole file, makes the folders to it, and leaves nothing beside it", () =>
  withFolder(async (folder) => {
    await writeWhole(`${folder}/deep/er/a.json`, "a long first text");
    await writeWhole(`${folder}/deep/er/a.json`, "short");
    assert.equal(await Deno.readTextFile(`${folder}/deep/er/a.json`), "short");
    assert.deepEqual(namesIn(`${folder}/deep/er`), ["a.json"]);
  }));

onUnix("an existing file keeps its permissions", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/secret`, "first");
    for (const mode of [0o600, 0o664, 0o444]) {
      await Deno.chmod(`${folder}/secret`, mode);
      await writeWhole(`${folder}/secret`, "second");
      assert.equal((await Deno.stat(`${folder}/secret`)).mode! & 0o7777, mode);
    }
    assert.equal(await Deno.readTextFile(`${folder}/secret`), "second");
  }));

onUnix(
  "a link stays a link, and what it leads to is written, there or not, through others",
  () =>
    withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/real/inner`, { recursive: true });
      await Deno.writeTextFile(`${folder}/real/there`, "first");
      await Deno.symlink("real/inner", `${folder}/inner`);
      await Deno.symlink("../there", `${folder}/real/inner/there`);
      await Deno.symlink("inner/there", `${folder}/there`); // inner/.. is real, not the folder of the link
      await Deno.symlink("inner/new", `${folder}/new`);
      for (const [name, behind] of [["there", "real/there"], ["new", "real/inner/new"]]) {
        await writeWhole(`${folder}/${name}`, name);
        assert.equal(await Deno.readTextFile(`${folder}/${behind}`), name);
        assert.ok((await Deno.lstat(`${folder}/${name}`)).isSymlink, name);
        assert.ok((await Deno.lstat(`${folder}/${behind}`)).isFile, behind);
      }
      await Deno.symlink("round", `${folder}/round`);
      await assert.rejects(
        writeWhole(`${folder}/round`, ""),
        /Cannot write .*round: found more than 40 links/,
      );
      assert.deepEqual(namesIn(folder), ["inner", "new", "real", "round", "there"]);
    }),
);

onLinux("a pipe and a device are written to, and stay what they are", () =>
  withFolder(async (folder) => {
    const pipe = `${folder}/pipe`;
    await printed("mkfifo", [pipe]);
    const read = Deno.readTextFile(pipe);
    await writeWhole(pipe, "through");
    assert.equal(await read, "through");
    assert.ok((await Deno.lstat(pipe)).isFifo);
    await Deno.symlink("/dev/null", `${folder}/null`);
    await writeWhole(`${folder}/null`, "gone");
    assert.ok((await Deno.stat("/dev/null")).isCharDevice);
    const full = /^Error: Cannot write \/dev\/full: no space left on the disk$/;
    await assert.rejects(writeWhole("/dev/full", "x"), full);
    assert.ok((await Deno.stat("/dev/full")).isCharDevice);
    assert.deepEqual(namesIn(folder), ["null", "pipe"]);
  }));

/** Runs code that has `writeWhole`, by a shell's line around it, and gives what it said. */
async function runScript(folder: string, code: string, line: string): Promise<string> {
  const disk = new URL("../../../src/core/disk/mod.ts", import.meta.url);
  await Deno.writeTextFile(`${folder}/write.ts`, `import { writeWhole } from "${disk}";\n${code}`);
  const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
  const run = [Deno.execPath(), "run", "-A", "--no-check", "--config", config, `${folder}/write.ts`];
  const { out, err } = await ran("sh", ["-c", line, "sh", ...run]);
  return out + err;
}

onLinux(
  "opened files are written to where they stand: standard output and another, in files",
  () =>
    withFolder(async (folder) => {
      const code = `console.log("before");
        await writeWhole("/dev/stdout", "to standard output\\n");
        await writeWhole("/dev/fd/9", "to nine\\n");
        console.log("after");`;
      await runScript(folder, code, `cd ${folder}; echo first > nine; "$@" > out 9>> nine`);
      assert.equal(await Deno.readTextFile(`${folder}/out`), "before\nto standard output\nafter\n");
      assert.equal(await Deno.readTextFile(`${folder}/nine`), "first\nto nine\n");
      assert.deepEqual(namesIn(folder), ["nine", "out", "write.ts"]);
    }),
);

onLinux(
  "an opened file that the user did not open is not written to, however its path is spelt",
  () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/own`, "own");
      await Deno.writeTextFile(`${folder}/input`, "input");
      const code = `await Deno.open("${folder}/own", { append: true });
        const own = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name)
          .find((name) => { try { return Deno.readLinkSync("/proc/self/fd/" + name) === "${folder}/own"; } catch {} });
        await Deno.symlink("/proc/self/fd/" + own, "${folder}/link");
        Deno.chdir("/dev/fd");
        for (const path of [own, "/dev/fd/" + own, "/dev//fd/" + own, "/proc/thread-self/fd/" + own,
          \`/proc/\${Deno.pid}/fd/\${own}\`, "${folder}/link", "/dev/fd/8", "/dev/fd/999"]) {
          await writeWhole(path, "spoilt").then(() => console.log("written"), (error) => console.log(error.message));
        }
        await writeWhole("/dev/fd/9", "to nine\\n");
        await writeWhole("/dev/fd/7", "to a pipe\\n");`;
      const line = `cd ${folder}; { "$@" 7>&1 >said | cat > piped; } 9>> nine 8< input`;
      await runScript(folder, code, line);
      const said = (await Deno.readTextFile(`${folder}/said`)).trim().split("\n");
      assert.equal(said.length, 8, said.join("\n"));
      const own =
        /^Cannot write .+: descriptor \d+ is a file of this program, expected one that the shell opened/;
      for (const line of said.slice(0, 6)) assert.match(line, own);
      assert.match(said[6], /^Cannot write \/dev\/fd\/8: descriptor 8 is open for reading alone/);
      assert.match(said[7], /^Cannot write \/dev\/fd\/999: descriptor 999 is not open/);
      const read = (name: string) => Deno.readTextFile(`${folder}/${name}`);
      const texts = await Promise.all(["own", "input", "nine", "piped"].map(read));
      assert.deepEqual(texts, ["own", "input", "to nine\n", "to a pipe\n"]);
    }),
);

Deno.test("a target that cannot be written is named, and nothing half-written is left", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/taken`);
    await Deno.writeTextFile(`${folder}/file`, "kept");
    const fails = (path: string, code?: string) => {
      const message = RegExp(`^Cannot write ${path}: `);
      return assert.rejects(writeWhole(path, "text"), code ? { message, code } : { message });
    };
    await fails(`${folder}/taken`);
    await fails(`${folder}/file/inside.json`, "EEXIST");
    await fails(`${folder}/${"long".repeat(100)}`, "ENAMETOOLONG"); // written beside it, then cannot take its place
    assert.deepEqual(namesIn(folder), ["file", "taken"]);
    assert.equal(await Deno.readTextFile(`${folder}/file`), "kept");
  }));

onLinux("a disk that is full is an error, and the earlier file stays", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/kept.json`, "earlier");
    // A limit on the size of files stands for the full disk: the write fails half way, as it would there. The shell
    // ignores the signal that comes with it.
    const code =
      `await writeWhole("${folder}/kept.json", "x".repeat(2 ** 22)).catch(({ message }) => console.log(message));`;
    const said = await runScript(folder, code, 'trap "" XFSZ; ulimit -f 2048; exec "$@"');
    assert.match(said, /^Cannot write .*kept\.json: .*EFBIG/);
    assert.equal(await Deno.readTextFile(`${folder}/kept.json`), "earlier");
    assert.deepEqual(namesIn(folder), ["kept.json", "write.ts"]);
  }));

Deno.test("what a killed process left is removed; what is another's, or of another machine, stays", () =>
  withFolder(async (folder) => {
    const gone = temporaryName(Number(await printed(Deno.execPath(), ["eval", "console.log(Deno.pid)"])));
    const elsewhere = gone.replace(/^\.lamina-[0-9a-f]{8}/, ".lamina-00000000");
    const others = [temporaryName(process.pid), elsewhere, "mine.part", `copy of ${gone}`];
    for (const name of [gone, ...others]) await Deno.writeTextFile(`${folder}/${name}`, "half");
    await writeWhole(`${folder}/a.json`, "whole");
    assert.deepEqual(namesIn(folder), [...others, "a.json"].sort());
  }));

Deno.test("files that belong together take their places when all are on the disk", () =>
  withFolder(async (folder) => {
    async function* bytes() {
      yield Uint8Array.of(1, 2);
      yield Uint8Array.of(3);
    }
    const [a, b] = [`${folder}/a`, `${folder}/b`];
    await writeTogether([[a, bytes()], [b, "text"]]);
    assert.deepEqual(await Deno.readFile(a), Uint8Array.of(1, 2, 3));
    assert.equal(await Deno.readTextFile(b), "text");
    // deno-lint-ignore require-yield
    async function* broken(): AsyncGenerator<Uint8Array> {
      throw new Error("no more bytes");
    }
    await assert.rejects(writeTogether([[a, "new"], [b, broken()]]), /Cannot write .*b: no more bytes/);
    assert.deepEqual(await Deno.readFile(a), Uint8Array.of(1, 2, 3));
    assert.deepEqual(namesIn(folder), ["a", "b"]);
  }));
