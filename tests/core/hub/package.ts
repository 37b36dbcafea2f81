/** A Python package as pip unpacks it, made up. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";

/** Writes files by path, and the list of them that pip leaves beside them. */
export async function writePackage(
  folder: string,
  name: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  const list = `${name}.dist-info/RECORD`;
  const quoted = (file: string) => file.includes(",") ? `"${file}"` : file;
  const lines = Object.entries(files).map(([file, bytes]) =>
    `${quoted(file)},sha256=${createHash("sha256").update(bytes).digest("base64url")},${bytes.length}\n`
  );
  const all = { ...files, [list]: new TextEncoder().encode(`${lines.join("")}${list},,\n`) };
  for (const [file, bytes] of Object.entries(all)) {
    await Deno.mkdir(dirname(`${folder}/${file}`), { recursive: true });
    await Deno.writeFile(`${folder}/${file}`, bytes);
  }
}
