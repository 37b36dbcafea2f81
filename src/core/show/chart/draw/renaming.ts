/** Other names for the labels of a picture: of lines, keys, panels, axes and categories. */
import type { KeyEntry } from "./key.ts";
import type { Axis } from "./axes.ts";
import type { Panel } from "./panel.ts";

export interface Labelled {
  /** From left to right, then down. */
  readonly panels: readonly Panel[];
  /** What the colours of small panels mean, where lines have no labels at their ends. */
  readonly key?: readonly KeyEntry[];
}

export type Renames = Readonly<Record<string, string>>;

export function labelsIn({ panels, key = [] }: Labelled): string[] {
  const all = panels.flatMap(({ x, y, series = [], headings = [], names = [] }) => [
    ...series.map(({ end }) => end),
    ...headings.map(({ text }) => text),
    ...names.map(({ text }) => text),
    ...[x, y].flatMap(({ label, names = [] }) => [label, ...names]),
  ]);
  return [...new Set([...key.map(({ label }) => label), ...all])].filter((label) => !!label) as string[];
}

/** The picture with its labels renamed; what the marks say follows. */
export function renamed<Drawing extends Labelled>(drawing: Drawing, renames: Renames): Drawing {
  const name = <Label extends string | null | undefined>(label: Label): Label =>
    (label && Object.hasOwn(renames, label) ? renames[label] : label) as Label;
  const axis = (one: Axis): Axis => ({
    ...one,
    ...one.label ? { label: name(one.label) } : {},
    ...one.names ? { names: one.names.map(name) } : {},
  });
  const says = <Mark extends { readonly says?: string }>(mark: Mark): Mark => {
    const [first, ...rest] = mark.says?.split(/(?=, |: )/) ?? [];
    return first === undefined ? mark : { ...mark, says: [name(first), ...rest].join("") };
  };
  const panels = drawing.panels.map((panel) => ({
    ...panel,
    x: axis(panel.x),
    y: axis(panel.y),
    headings: (panel.headings ?? []).map((heading) => ({ ...heading, text: name(heading.text) })),
    names: (panel.names ?? []).map((one) => ({ ...one, text: name(one.text) })),
    cells: (panel.cells ?? []).map(says),
    series: (panel.series ?? []).map((one) => ({
      ...one,
      ...one.end ? { end: name(one.end) } : {},
      points: one.points.map(says),
    })),
  }));
  const key = drawing.key?.map((entry) => ({ ...entry, label: name(entry.label) }));
  return { ...drawing, panels, ...key ? { key } : {} };
}
