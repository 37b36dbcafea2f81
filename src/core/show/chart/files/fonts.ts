/**
 * Fonts for files. A browser has fonts; PNG and PDF need one as a file, and a server may have none. So two come with Lamina's packages:
 * Arimo has the widths of Helvetica and Arial, Tinos those of Times. Others are looked for among the system's fonts, by file name.
 */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { create } from "fontkit";

/** A font in both weights; without a bold file, the regular one serves. */
type Font = Readonly<Record<"regular" | "bold", Uint8Array>>;

/** The packages' fonts by the families that they stand for, in lower case. */
const SANS = ["system-ui", "-apple-system", "sans-serif", "arial", "helvetica", "arimo", "liberation sans"];
const SERIF = ["serif", "times", "times new roman", "tinos", "liberation serif"];

/** The font of the first family in a CSS list that is there. Throws `RangeError` if none is. */
export async function fontOf(families: string): Promise<Font> {
  for (const family of families.split(",").map((name) => name.trim().replaceAll(/["']/g, "").toLowerCase())) {
    const font = SANS.includes(family)
      ? await packaged("Arimo")
      : SERIF.includes(family)
      ? await packaged("Tinos")
      : await systemFont(family);
    if (font) return font;
  }
  throw new RangeError(
    `found no font file of ${families} on this computer, expected one, or a list that ends in sans-serif or serif`,
  );
}

async function packaged(name: "Arimo" | "Tinos"): Promise<Font> {
  // Each import names its file in full: this is how Deno knows which packages to fetch. `resolve` then finds the fonts beside it.
  await (name === "Arimo"
    ? import("@expo-google-fonts/arimo/package.json", { with: { type: "json" } })
    : import("@expo-google-fonts/tinos/package.json", { with: { type: "json" } }));
  const beside = import.meta.resolve(`@expo-google-fonts/${name.toLowerCase()}/package.json`);
  const read = (weight: string) => readFile(new URL(`${weight}/${name}_${weight}.ttf`, beside));
  return { regular: await read("400Regular"), bold: await read("700Bold") };
}

const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  linux: [
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    join(homedir(), ".local/share/fonts"),
    join(homedir(), ".fonts"),
  ],
  darwin: ["/System/Library/Fonts", "/Library/Fonts", join(homedir(), "Library/Fonts")],
  windows: ["C:\\Windows\\Fonts", join(homedir(), "AppData\\Local\\Microsoft\\Windows\\Fonts")],
};
const [REGULAR, BOLD] = [["", "regular", "book", "roman"], ["bold", "bd", "semibold"]];

/** A family's files, such as DejaVuSans.ttf and DejaVuSans-Bold.ttf; null without a regular one. */
async function systemFont(family: string): Promise<Font | null> {
  const files = (await Promise.all((FOLDERS[Deno.build.os] ?? []).map(filesIn))).flat();
  const wanted = lettersOf(family);
  const find = (weights: readonly string[]) =>
    files.find((path) => weights.some((weight) => lettersOf(baseOf(path)) === wanted + weight));
  const [regular, bold] = [find(REGULAR), find(BOLD)];
  if (regular === undefined) return null;
  return { regular: await readFile(regular), bold: await readFile(bold ?? regular) };
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => [] as string[]);
  return names.filter((name) => /\.(ttf|otf)$/i.test(name)).map((name) => join(folder, name));
}

const baseOf = (path: string) => path.replace(/^.*[\\/]/, "").replace(/\.\w+$/, "");
const lettersOf = (name: string) => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");

export interface Outlines {
  readonly familyName: string;
  readonly unitsPerEm: number;
  layout(text: string): {
    readonly advanceWidth: number;
    readonly glyphs: readonly { readonly path: Outline; readonly advanceWidth: number }[];
    readonly positions: readonly { readonly xAdvance: number; readonly xOffset: number }[];
  };
}

interface Outline {
  scale(x: number, y: number): Outline;
  translate(x: number, y: number): Outline;
  toSVG(): string;
}

/** A font from its file. Throws `Error` for a file that is none. */
export const fontkit = (file: Uint8Array): Outlines => create(file as never) as unknown as Outlines;

export function widthIn(font: Outlines, text: string, size: number): number {
  return font.layout(text).advanceWidth * size / font.unitsPerEm;
}

/** The outlines of a text as one path, its first letter at (x, y) on the baseline. */
export function outlineOf(
  font: Outlines,
  text: string,
  size: number,
  [x, y]: readonly [number, number],
): string {
  const { glyphs, positions } = font.layout(text);
  const scale = size / font.unitsPerEm;
  let at = x;
  return glyphs.map(({ path }, i) => {
    const drawn = path.scale(scale, -scale).translate(at + positions[i].xOffset * scale, y).toSVG();
    at += positions[i].xAdvance * scale;
    return drawn;
  }).join("");
}
