/** What is killed, or finds the disk full, in the middle leaves nothing that looks finished, in every format; the next run succeeds. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exportModel } from "../../src/export/mod.ts";
import { FORMATS } from "../../src/formats/mod.ts";
import { freeBytes } from "../../src/hub/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { byTurns, withFolder } from "../support.ts";
import { onLinux } from "../where.ts";
import { sparseFolder } from "./sparse.ts";
import { writeWide } from "./wide.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const drop = { attention: [1], mlp: [1] };

/** Exports, and is killed once the given share is written. Every report is let through: the clock runs fast. */
const script = `
import { exportModel } from ${JSON.stringify(new URL("../../src/export/mod.ts", import.meta.url).href)};
const [ref, format, out, share] = Deno.args;
let time = 0;
performance.now = () => time += 1000;
const onProgress = ({ done, total }) => {
  if (done >= Number(share) * total) Deno.kill(Deno.pid, "SIGKILL");
};
await exportModel(ref, ${JSON.stringify(drop)}, { format, out, onProgress });`;

const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
const deno = (folder: string) => [
  Deno.execPath(),
  "run",
  "-A",
  "--quiet",
  "--no-check",
  `--config=${config}`,
  `${folder}/script.ts`,
];

async function ran(command: readonly string[]): Promise<Deno.CommandOutput & { text: string }> {
  const [program, ...args] = command;
  const output = await new Deno.Command(program, { args }).output();
  return { ...output, text: new TextDecoder().decode(output.stderr) };
}

for (const [f, format] of FORMATS.entries()) {
  Deno.test(`${format}: killed in the middle, or at the end of the last byte, nothing looks finished`, () =>
    withFolder(async (folder) => {
      const from = `${folder}/llama`;
      await writeWide("llama", from);
      await Deno.writeTextFile(`${folder}/script.ts`, script);
      for (const share of byTurns(["0.5", "1"], f)) {
        const at = `${folder}/${share}`;
        const { signal, text } = await ran([...deno(folder), from, format, `${at}/out`, share]);
        assert.equal(signal, "SIGKILL", text);
        const [left, ...others] = namesIn(at);
        assert.match(left, /^\.lamina-.*\.part$/);
        assert.deepEqual(others, []);
        await exportModel(from, drop, { format, out: `${at}/out` });
        assert.deepEqual(namesIn(at), ["out"]);
        if (!["gguf", "hf", "hf-nas"].includes(format)) continue;
        const smaller = await openModel(`${at}/out`);
        assert.equal(smaller.spec.layers.length, 2);
        smaller.close();
      }
    }));

  onLinux(
    `${format}: where a file can grow no further, the error says so and nothing is left`,
    () =>
      withFolder(async (folder) => {
        const from = `${folder}/llama`;
        await writeWide("llama", from);
        await Deno.writeTextFile(`${folder}/script.ts`, script);
        const limited = ["bash", "-c", `trap '' XFSZ; ulimit -f 16; exec "$0" "$@"`, ...deno(folder)];
        const { code, text } = await ran([...limited, from, format, `${folder}/at/out`, "2"]);
        assert.equal(code, 1, text);
        assert.match(text, /Cannot write .*out: EFBIG/);
        assert.deepEqual(namesIn(`${folder}/at`), []);
      }),
  );
}

Deno.test("what does not fit on the disk is refused before a byte is written, with both sizes", () =>
  withFolder(async (folder) => {
    const side = 65536; // a layer has seven such matrices, in 16 bits
    const layers = Math.ceil(2 * await freeBytes(folder) / (7 * side * side * 2)) + 2;
    await sparseFolder(`${folder}/large`, {
      hidden: side,
      feedForward: side,
      heads: 64,
      layers,
      vocabulary: 8,
    });
    const out = `${folder}/deep/out`;
    const written = exportModel(`${folder}/large`, { attention: [1], mlp: [1] }, { format: "hf", out });
    await assert.rejects(
      written,
      /Cannot write .*out: [\d.]+ [kMGTP]B \(\d+ bytes\) free there, expected [\d.]+ [GTP]B \(\d+ bytes\)$/,
    );
    assert.deepEqual(namesIn(folder), ["large"]);
  }));
