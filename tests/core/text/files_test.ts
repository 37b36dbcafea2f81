import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { namedText, readDocuments, readRows } from "core/text/mod.ts";
import { refuses, withFolder } from "../../support.ts";
import { benchmark } from "./benchmark.ts";

/** Runs with a folder of the given files, which is removed afterwards. */
function withFiles(files: Record<string, string | Uint8Array>, run: (folder: string) => Promise<void>) {
  return withFolder(async (folder) => {
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name);
      await Deno.mkdir(join(path, ".."), { recursive: true });
      await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
    await run(folder);
  });
}

/** The documents of a file, those in pieces joined. */
async function documentsOf(file: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const document of readDocuments(file)) {
    texts.push(typeof document === "string" ? document : (await Array.fromAsync(document)).join(""));
  }
  return texts;
}

const JSONL = '{"text":"eins"}\r\n\n{"text":"zwei\\nzeilen ü","id":3}\n{"text":""}';
const DOCUMENTS = ["eins", "zwei\nzeilen ü", ""];

Deno.test("plain text is one document, JSONL one per line, compressed or not", async () => {
  const text = "Zeile 1\nZeile 2 😀\n";
  const twoMembers = new Uint8Array([...gzipSync("Zeile 1\nZei"), ...gzipSync("le 2 😀\n")]);
  const large = "x" + "ü😀".repeat(200_000); // characters across two chunks
  const files: Record<string, [content: string | Uint8Array, documents: string[]]> = {
    "a.txt": [text, [text]],
    "a.txt.gz": [twoMembers, [text]],
    "b.jsonl": [JSONL, DOCUMENTS],
    "b.json.gz": [gzipSync(JSONL), DOCUMENTS],
    "m": ["\ufeffx", ["x"]], // a byte order mark is no text
    "big.txt": [large, [large]],
    "big.jsonl": [JSON.stringify({ text: large }), [large]],
  };
  const contents = Object.fromEntries(Object.entries(files).map(([name, [content]]) => [name, content]));
  await withFiles(contents, async (folder) => {
    for (const [name, [, documents]] of Object.entries(files)) {
      assert.deepEqual(await documentsOf(join(folder, name)), documents, name);
    }
  });
});

Deno.test("reading may stop early", async () => {
  const rows = '{"text":"x"}\n'.repeat(100_000);
  await withFiles({ "b.jsonl": rows, "b.jsonl.gz": gzipSync(rows) }, async (folder) => {
    for (const name of ["b.jsonl", "b.jsonl.gz"]) {
      const documents = readDocuments(join(folder, name))[Symbol.asyncIterator]();
      assert.deepEqual(await documents.next(), { done: false, value: "x" });
      await documents.return!(undefined);
      assert.deepEqual(await documents.next(), { done: true, value: undefined });
    }
  });
});

Deno.test("bad files are refused by name and line", async () => {
  const files: Record<string, [content: string | Uint8Array | null, words: RegExp]> = {
    "latin.txt": [
      Uint8Array.of(0x66, 0xfc, 0x72),
      /^Cannot read .*latin\.txt: found bytes that are not UTF-8/,
    ],
    "cut.txt": [Uint8Array.of(0x66, 0xc3), /cut\.txt: found bytes that are not UTF-8/],
    "plain.gz": ["not compressed", /plain\.gz: .*expected gzip/],
    "half.txt.gz": [gzipSync("abc".repeat(10_000)).subarray(0, 40), /half\.txt\.gz: .*expected gzip/],
    "broken.jsonl": ['{"text":"a"}\n\n{"text":', /broken\.jsonl, line 3: /],
    "list.jsonl": ['["text"]', /list\.jsonl, line 1: found .*, expected a JSON object/],
    "field.jsonl": [
      '{"text":"a"}\n{"txt":"b"}',
      /field\.jsonl, line 2: found the fields \["\w+"\], expected a field "text" with a string/,
    ],
    "number.jsonl": ['{"text":5}', /number\.jsonl, line 1: the field "text" is \S+, expected a string/],
    "missing.txt": [null, /missing\.txt: no such file/],
  };
  const found = Object.entries(files).flatMap(([name, [content]]) =>
    content === null ? [] : [[name, content]]
  );
  await withFiles(Object.fromEntries(found), async (folder) => {
    for (const [name, [, message]] of Object.entries(files)) {
      await assert.rejects(documentsOf(join(folder, name)), { message });
    }
  });
});

Deno.test("named texts: unique documents, sources in turn", () =>
  withFiles(benchmark(), async (folder) => {
    const fileOf = (path: string) => Promise.resolve(join(folder, path));
    const read = (name: string) => Array.fromAsync(namedText(name, fileOf));
    assert.deepEqual(await read("stories"), ["A", "B"]);
    assert.deepEqual(await read("wiki"), ["One.\nTwo.", "Three."]);
    const code = await read("code");
    assert.deepEqual(code.slice(0, 3), ["def f():\n  return 1\n", "bash 1\n", "c 1\n"]);
    assert.equal(code.length, 1 + 2 * 17);
    assert.equal(code[18], "bash 2");
    const math = await read("math");
    assert.deepEqual(math.slice(0, 2), ["1+1?\n\nSo the answer is 2.", "algebra\n\n$1$"]);
    assert.equal(math.length, 8);
  }));

Deno.test("named texts: reading may stop early, unknown names and missing files are named", () =>
  withFiles(benchmark(), async (folder) => {
    const fileOf = (path: string) => Promise.resolve(join(folder, path));
    const code = namedText("code", fileOf)[Symbol.asyncIterator]();
    assert.deepEqual(await code.next(), { done: false, value: "def f():\n  return 1\n" });
    await code.return!(undefined);
    await Deno.remove(join(folder, "oe_eval_tasks/coqa"), { recursive: true });
    await refuses("Error: Cannot ", (name: string) => Array.fromAsync(namedText(name, fileOf)), [
      ["poems", 'the text "poems": expected one of stories, wiki, code, math', "RangeError"],
      ["constructor", "expected one of", "RangeError"],
      ["stories", /coqa.*requests\.jsonl\.gz: no such file/],
    ]);
  }));

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/tokens/${name}`, import.meta.url));

Deno.test("Arrow, Parquet and JSONL give the same rows", async () => {
  const expected = await Array.fromAsync(readRows(fixture("rows.json")));
  assert.equal(expected.length, 3);
  assert.equal(expected[2].label, 2 ** 40);
  assert.deepEqual(await Array.fromAsync(readRows(fixture("rows.arrow"))), expected);
  assert.deepEqual(await Array.fromAsync(readRows(fixture("rows.parquet"))), expected);
});

Deno.test("rows of files that are not what their names say are refused by name", async () => {
  const files = { "a.arrow": "no arrow", "a.parquet": "no parquet at all", "a.csv": "a,b" };
  await withFiles(files, async (folder) => {
    const read = (name: string) => Array.fromAsync(readRows(join(folder, name)));
    await refuses("Error: Cannot read ", read, [
      ["a.arrow", /a\.arrow: .*expected Arrow/],
      ["a.parquet", /a\.parquet: .*expected Parquet/],
      ["missing.arrow", "missing.arrow: no such file"],
      ["a.csv", "a.csv: expected a name that ends in", "TypeError"],
    ]);
  });
});

Deno.test("cut or altered Arrow and Parquet files give an error or rows, never a hang", async () => {
  for (const name of ["rows.arrow", "rows.parquet"]) {
    const whole = await Deno.readFile(fixture(name));
    const files: Record<string, Uint8Array> = {};
    for (let at = 0; at < whole.length; at += 37) {
      files[`cut${at}${name}`] = whole.subarray(0, at);
      files[`flip${at}${name}`] = whole.map((byte, i) => i === at ? byte ^ 0xff : byte);
    }
    const expected = await Array.fromAsync(readRows(fixture(name)));
    let refused = 0;
    await withFiles(files, async (folder) => {
      for (const file of Object.keys(files)) {
        const rows = await Array.fromAsync(readRows(join(folder, file))).catch((error: Error) => error);
        if (rows instanceof Error) {
          assert.match(rows.message, new RegExp(`^Cannot read .*${file}: `));
          refused++;
        } else if (file.startsWith("cut")) assert.deepEqual(rows, expected.slice(0, rows.length), file);
      }
      assert.ok(
        refused > Object.keys(files).length / 2,
        `${refused} of ${Object.keys(files).length} refused`,
      );
    });
  }
});
