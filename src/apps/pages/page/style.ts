/**
 * How a page looks: light and dark, on a phone, on paper. Figures are drawn in a few colours on white; in the dark theme each of
 * these has a counterpart of the same name, so that a caption that says "blue" is right in both. Shades of maps stay as they are.
 */
import { DARK, INK } from "core/show/chart/draw/colors.ts";
import css from "./page.css" with { type: "text" };

/** By attribute: a rule of a page goes before the attributes of a picture. */
const recoloured = Object.entries(DARK).flatMap(([light, dark]) =>
  (["fill", "stroke"] as const).map((part) =>
    `figure svg [${part}="${light}"], figure svg[${part}="${light}"] { ${part}: light-dark(${light}, ${dark}); }`
  )
).join("\n");

export const STYLE = `
:root { --figure-ink: ${INK}; }
${recoloured}
${css}`;
