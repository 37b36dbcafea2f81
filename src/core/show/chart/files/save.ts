/** A figure as a file: SVG, PNG or PDF, by the path's ending. What draws PNG and PDF is loaded when it is first needed. */
import { extname } from "node:path";
import { expect, text } from "../../../entry/mod.ts";
import { type Content, writeWhole } from "../../../disk/mod.ts";

type Picture = Readonly<Record<"name" | "title" | "svg", string>>;

const WRITERS: Readonly<Record<string, (picture: Picture) => Promise<Content>>> = {
  ".svg": ({ svg }) => Promise.resolve(`${svg}\n`),
  ".png": async ({ svg }) => bytes(await (await import("./png.ts")).pngOf(svg)),
  ".pdf": async ({ svg, title }) => bytes(await (await import("./pdf.ts")).pdfOf(svg, title)),
};

/** What is wrong with the path of a picture; null for nothing. */
export function flawInPath(path: string): string | null {
  const ending = extname(path).toLowerCase();
  if (Object.hasOwn(WRITERS, ending)) return null;
  return `the path ${JSON.stringify(path)} ends in ${ending || "no format"}, expected .svg, .png or .pdf`;
}

/** The file of a figure. Throws `RangeError` for another ending. */
export async function pictureFile(picture: Picture, path: string): Promise<Content> {
  const task = `save ${picture.name}`;
  const flaw = flawInPath(path);
  if (flaw) throw new RangeError(`Cannot ${task}: ${flaw}`);
  const ending = extname(path).toLowerCase();
  try {
    return await WRITERS[ending](picture);
  } catch (error) {
    throw new Error(`Cannot ${task} as ${ending}: ${(error as Error).message}`, { cause: error });
  }
}

/** Writes a figure; returns the path. */
export async function saveFigure(picture: Picture, path: string): Promise<string> {
  expect(`save ${picture.name}`, "the path", path, text);
  await writeWhole(path, await pictureFile(picture, path));
  return path;
}

async function* bytes(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await content;
}
