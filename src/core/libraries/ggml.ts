/**
 * llama.cpp's libraries (`lamina ggml`): C functions that end the process at what they do not expect, so that only a library whose content
 * is the pinned one is opened, and arguments are checked before a call.
 */
import { createHash } from "node:crypto";
import { folderOf } from "../home/mod.ts";
import { libraryIn } from "./cuda.ts";

/** Where `lamina ggml` puts the libraries. */
export const ggmlFolder: string = folderOf("ggml");

/** SHA-256 of the libraries that are opened by name. */
const HASHES = {
  "libggml-base.so": "6c342c8aeb20cb31a18099d6f79de4de6703814d1cfd5c4d754a8643087e486e",
  "libggml.v0.5.0.so": "41cd5e6ad78b9f0af31a6f80d637d3168e75ff84db14c495de4d3d9c95607444",
  "libllama.v0.5.0.so": "2ecd1d85f68456573a664106a9039366b88231579fd65d9669c9a6ab41374fd4",
} as const;

/** The path of a library; null where it is not installed. Throws `Error` if it is cut, or is another. */
export function ggmlLibrary(name: keyof typeof HASHES, folder = ggmlFolder): string | null {
  const path = libraryIn(folder, name);
  if (path === null) return null;
  const found = createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
  if (found === HASHES[name]) return path;
  throw new Error(
    `Cannot open ${path}: its SHA-256 is ${found}, expected ${HASHES[name]}; lamina ggml installs it again`,
  );
}
