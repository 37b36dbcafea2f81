/** Labels beside points: each where it covers no other label, no point and no line, or not drawn at all. Widths are estimated. */

/** A rectangle of a panel, in units. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A place for a label: its box, and how its text is anchored there. */
export interface Place extends Box {
  readonly dx: number;
  readonly dy: number;
  readonly textAnchor: "start" | "middle" | "end";
}

/** A square around a point. */
export function around(x: number, y: number, half: number): Box {
  return { left: x - half, right: x + half, top: y - half, bottom: y + half };
}

/** Units between a label and what is beside it. */
const AIR = 3;

function touch(a: Box, b: Box): boolean {
  return a.left < b.right + AIR && b.left < a.right + AIR && a.top < b.bottom && b.top < a.bottom;
}

/** The places around a point for a text of this size: right, left, above, below, then the corners. */
function placesOf(x: number, y: number, text: string, size: number, gap: number): Place[] {
  const [width, height] = [0.58 * size * text.length, 1.1 * size];
  const beside = gap + height / 2;
  return ([
    [gap, 0, "start"],
    [-gap, 0, "end"],
    [0, -beside, "middle"],
    [0, beside, "middle"],
    [gap, -beside, "start"],
    [-gap, -beside, "end"],
    [gap, beside, "start"],
    [-gap, beside, "end"],
  ] as const).map(([dx, dy, textAnchor]) => {
    const left = x + dx - (textAnchor === "start" ? 0 : textAnchor === "end" ? width : width / 2);
    const top = y + dy - height / 2;
    return { dx, dy, textAnchor, left, right: left + width, top, bottom: top + height };
  });
}

/** A point that wants a label, where it lies in its panel. */
export interface Labelled {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** The place of each label, in the order given, null where there is none inside the frame. */
export function placed(
  wanted: readonly Labelled[],
  { frame, taken, size, gap }: {
    readonly frame: Box;
    readonly taken: readonly Box[];
    readonly size: number;
    readonly gap: number;
  },
): (Place | null)[] {
  const full = [...taken];
  return wanted.map(({ x, y, text }) => {
    const place = placesOf(x, y, text, size, gap).find((box) =>
      box.left >= frame.left && box.right <= frame.right && box.top >= frame.top &&
      box.bottom <= frame.bottom && full.every((other) => !touch(box, other))
    );
    if (place) full.push(place);
    return place ?? null;
  });
}
