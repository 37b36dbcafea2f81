/** A figure as a file: SVG, PNG or PDF, by the path's ending. What draws PNG and PDF is loaded when it is first needed. */
import { extname } from "node:path";
import { expect, text } from "../../../entry/mod.ts";
import { type Content, writeWhole } from "../../../disk/mod.ts";

export interface Picture {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

type Write = (picture: Picture) => Promise<Content>;

const WRITERS: Readonly<Record<string, Write>> = {
  ".svg": ({ svg }) => Promise.resolve(`${svg}\n`),
  ".png": async ({ svg }) => bytes(await (await import("./png.ts")).pngOf(svg)),
  ".pdf": async ({ svg, title }) => bytes(await (await import("./pdf.ts")).pdfOf(svg, title)),
};

/** Writes a figure; returns the path. Throws `RangeError` for another ending. */
export async function saveFigure(picture: Picture, path: string): Promise<string> {
  const task = `save ${picture.name}`;
  expect(task, "the path", path, text);
  const ending = extname(path).toLowerCase();
  if (!Object.hasOwn(WRITERS, ending)) {
    const found = `the path ${JSON.stringify(path)} ends in ${ending || "no format"}`;
    throw new RangeError(`Cannot ${task}: ${found}, expected .svg, .png or .pdf`);
  }
  let content: Content;
  try {
    content = await WRITERS[ending](picture);
  } catch (error) {
    throw new Error(`Cannot ${task} as ${ending}: ${(error as Error).message}`, { cause: error });
  }
  await writeWhole(path, content);
  return path;
}

async function* bytes(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await content;
}
