/**
 * How a page looks: light and dark, on a phone, on paper. Figures are drawn in a few colours on white; in the dark theme each of
 * these has a counterpart of the same name, so that a caption that says "blue" is right in both. Shades of maps stay as they are.
 */
import { DARK, INK } from "../chart/draw/colors.ts";

/** By attribute: a rule of a page goes before the attributes of a picture. */
const recoloured = Object.entries(DARK).flatMap(([light, dark]) =>
  (["fill", "stroke"] as const).map((part) =>
    `figure svg [${part}="${light}"], figure svg[${part}="${light}"] { ${part}: light-dark(${light}, ${dark}); }`
  )
).join("\n");

export const STYLE = `
:root { color-scheme: light dark; --paper: light-dark(#f6f8fa, #0a0a0a); --card: light-dark(#fff, #161616);
  --ink: light-dark(${INK}, #e6e6e6); --faint: light-dark(#59636e, #a8b0b8); --line: light-dark(#d0d7de, #3a3a3a);
  --link: light-dark(#0b57d0, #79b8ff); }
:root:has(#theme-light:checked) { color-scheme: light; }
:root:has(#theme-dark:checked) { color-scheme: dark; }
${recoloured}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 .25rem; text-wrap: balance; }
h3, figure > h2 { font-size: 1.05rem; line-height: 1.35; margin: 2rem 0 .75rem; text-wrap: balance; }
nav ul { padding-left: 1.2rem; margin: 1rem 0; }
p { margin: .5rem 0; }
code { overflow-wrap: anywhere; }
.next { margin-top: 1.5rem; font-size: 1.05rem; }
pre { margin: .75rem 0; padding: .5rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  font-size: .85rem; white-space: pre-wrap; }
pre span { display: inline-block; width: 100%; padding: .2rem 0 .2rem 1.5rem; text-indent: -1.5rem; } /* a command may take several lines */
.faint { color: var(--faint); font-size: .9rem; overflow-wrap: anywhere; }
a { color: var(--link); }
fieldset { display: flex; gap: 1rem; justify-content: flex-end; border: 0; margin: 0 0 1rem; padding: 0; font-size: .9rem; }
legend { float: left; padding: 0; color: var(--faint); }
figure { margin: 1.25rem 0; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
figure > :is(h2, h3, p) { margin: 0; padding: 1rem 1rem 0; }
figure > p:not(:first-child) { padding: .25rem 1rem .5rem; color: var(--faint); overflow-wrap: anywhere; }
figure svg { display: block; width: 100%; height: auto; }
.narrow { display: none; max-width: 30rem; margin: 0 auto; }
/* Below this width, 14 units of the wide picture would be less than 12 pixels. */
@media screen and (max-width: 40rem) {
  figure { margin-inline: -.6rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .lead { display: grid; grid-template-columns: minmax(0, 1fr); row-gap: .75rem; }
  .lead .answer { display: contents; }
  .answer > div + div { order: 1; }
  .lead h1, .lead figure { margin-block: 0; }
}
@media screen and (min-width: 76rem) {
  fieldset, .lead { width: 72rem; margin-left: calc(50% - 36rem); }
  .lead { display: grid; grid-template-columns: 1fr 36rem; column-gap: 1.5rem; align-items: start; }
  .table { width: fit-content; min-width: 100%; max-width: calc(50% + 36rem); }
  h1 { grid-column: 1 / 3; }
  .lead figure { margin: 0; }
}
figcaption { padding: .75rem 1rem .9rem; border-top: 1px solid var(--line); font-size: .95rem; overflow-wrap: anywhere; }
figcaption a { display: inline-block; margin-right: .9rem; font-size: .9rem; }
dl { display: grid; gap: .75rem; margin: 0; }
dl > div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem 1rem; overflow-wrap: anywhere; }
dt { color: var(--faint); }
dd { margin: .25rem 0 0; }
.answer dd { font-size: 1.1rem; }
.scroll { overflow-x: auto; /* shades at the sides that can be scrolled to */
  background: linear-gradient(to right, var(--card) 40%, transparent) left / 2.5rem 100% no-repeat local,
    linear-gradient(to left, var(--card) 40%, transparent) right / 2.5rem 100% no-repeat local,
    linear-gradient(to right, var(--line), transparent) left / .8rem 100% no-repeat,
    linear-gradient(to left, var(--line), transparent) right / .8rem 100% no-repeat, var(--card); }
.table { border: 1px solid var(--line); border-radius: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .35rem .9rem; text-align: right; }
th:first-child, td:first-child { text-align: left; min-width: 9rem; white-space: normal; }
thead th { color: var(--faint); font-weight: 600; border-bottom: 1px solid var(--line); }
tbody tr + tr > * { border-top: 1px solid color-mix(in srgb, var(--line) 45%, transparent); }
tbody th { font-weight: 400; }
#values { position: fixed; z-index: 1; pointer-events: none; max-width: 16rem; padding: .3rem .6rem; border-radius: .4rem;
  background: var(--ink); color: var(--paper); font-size: .875rem; }
@media print {
  :root, :root:has(#theme-dark:checked) { color-scheme: light; font-size: 12px; }
  fieldset, nav, figcaption a { display: none; }
  main { max-width: none; padding: 0; }
  body { background: none; }
  figure, dl, pre, .table { break-inside: avoid; }
  h2, h3, section > p { break-after: avoid; }
  figure svg { max-width: 32rem; margin: 0 auto; }
  .scroll { overflow: visible; }
  table { white-space: normal; }
  th, td { padding: .2rem .3rem; }
}
`;
