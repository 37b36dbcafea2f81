/** A picture as PNG, drawn by resvg from the packages' fonts, so that it looks the same on every computer. */
import { readFile } from "node:fs/promises";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { fontkit, fontOf } from "./fonts.ts";

/** Dots per CSS pixel: 300 an inch. */
const DOTS = 300 / 96;
/** The most dots of a picture, 4 bytes each in memory. */
const MOST = 48e6;

let started: Promise<void> | undefined;

function start(): Promise<void> {
  return started ??= readFile(new URL(import.meta.resolve("@resvg/resvg-wasm/index_bg.wasm"))).then(initWasm)
    .catch((error) => {
      started = undefined;
      throw error;
    });
}

export async function pngOf(svg: string): Promise<Uint8Array> {
  const [, families] = /font-family="([^"]*)"/.exec(svg)!;
  const { regular, bold } = await fontOf(families);
  const { familyName } = fontkit(regular);
  await start();
  const [width, height] = ["width", "height"].map((name) =>
    Number(new RegExp(` ${name}="([\\d.]+)"`).exec(svg)![1])
  );
  const drawn = new Resvg(svg.replace(/font-family="[^"]*"/, `font-family="${familyName}"`), {
    fitTo: { mode: "zoom", value: Math.min(DOTS, Math.sqrt(MOST / (width * height))) },
    font: { fontBuffers: [regular, bold], defaultFontFamily: familyName },
  });
  try {
    return drawn.render().asPng();
  } finally {
    drawn.free();
  }
}
