/** What is killed, or finds the disk full, in the middle leaves nothing that looks finished, in every format; the next run succeeds. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exportModel } from "features/export/mod.ts";
import { FORMATS } from "core/formats/mod.ts";
import { freeBytes } from "core/hub/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { onLinux, printed, ran, words } from "../../tools.ts";
import { byTurns, withFolder } from "../../support.ts";
import { sparseFolder } from "./sparse.ts";
import { writeWide } from "./wide.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const drop = { attention: [1], mlp: [1] };

/** Exports in each format and prints the errors; is killed once the given share is written. Every report is let through: the clock runs fast. */
const script = `
import { exportModel } from ${
  JSON.stringify(new URL("../../../src/features/export/mod.ts", import.meta.url).href)
};
const [ref, formats, out, share] = Deno.args;
let time = 0;
performance.now = () => time += 1000;
const onProgress = ({ done, total }) => {
  if (done >= Number(share) * total) Deno.kill(Deno.pid, "SIGKILL");
};
const errors = {};
for (const format of formats.split(",")) {
  const written = exportModel(ref, ${JSON.stringify(drop)}, { format, out: out + "/" + format, onProgress });
  await written.catch(({ message }) => errors[format] = message);
}
console.log(JSON.stringify(errors));`;

const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
const deno = (folder: string) => words`run -A --quiet --no-check --config=${config} ${folder}/script.ts`;

let limited: Promise<{ errors: Record<string, string>; left: string[] }> | undefined;

/** Every format, in one process whose files may have 16 blocks: the errors, and what is left. */
const exportsLimited = () =>
  limited ??= withFolder(async (folder) => {
    await writeWide("llama", `${folder}/llama`);
    await Deno.writeTextFile(`${folder}/script.ts`, script);
    const limit = ["-c", `trap '' XFSZ; ulimit -f 16; exec "$0" "$@"`, Deno.execPath(), ...deno(folder)];
    const out = await printed("bash", [...limit, `${folder}/llama`, FORMATS.join(), `${folder}/at`, "2"]);
    return { errors: JSON.parse(out), left: namesIn(`${folder}/at`) };
  });

for (const [f, format] of FORMATS.entries()) {
  Deno.test(`${format}: killed in the middle, or at the end of the last byte, nothing looks finished`, () =>
    withFolder(async (folder) => {
      const from = `${folder}/llama`;
      await writeWide("llama", from);
      await Deno.writeTextFile(`${folder}/script.ts`, script);
      for (const share of byTurns(["0.5", "1"], f)) {
        const at = `${folder}/${share}`;
        const { code, err } = await ran(Deno.execPath(), [...deno(folder), from, format, at, share]);
        assert.equal(code, 137, err); // SIGKILL
        const [left, ...others] = namesIn(at);
        assert.match(left, /^\.lamina-.*\.part$/);
        assert.deepEqual(others, []);
        await exportModel(from, drop, { format, out: `${at}/out` });
        assert.deepEqual(namesIn(at), ["out"]);
        if (!["gguf", "hf", "hf-nas"].includes(format)) continue;
        using smaller = await openModel(`${at}/out`);
        assert.equal(smaller.spec.layers.length, 2);
      }
    }));

  onLinux(`${format}: where a file can grow no further, the error says so, nothing is left`, async () => {
    const { errors, left } = await exportsLimited();
    assert.match(errors[format], /Cannot write .*\/at\/.*: EFBIG/);
    assert.deepEqual(left, []);
  });
}

Deno.test("what does not fit on the disk is refused before a byte is written, with both sizes", () =>
  withFolder(async (folder) => {
    const side = 65536; // a layer has seven such matrices, in 16 bits
    const layers = Math.ceil(2 * await freeBytes(folder) / (7 * side * side * 2)) + 2;
    const sides = { hidden: side, feedForward: side, heads: 64, layers, vocabulary: 8 };
    await sparseFolder(`${folder}/large`, sides);
    const out = `${folder}/deep/out`;
    const written = exportModel(`${folder}/large`, { attention: [1], mlp: [1] }, { format: "hf", out });
    const error =
      /Cannot write .*out: [\d.]+ [kMGTP]B \(\d+ bytes\) free there, expected [\d.]+ [GTP]B \(\d+ bytes\)$/;
    await assert.rejects(written, error);
    assert.deepEqual(namesIn(folder), ["large"]);
  }));
