/** Labels: at the ends of lines instead of a legend, and beside points where there is room. Widths are estimated. */

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
export function around({ x, y }: { readonly x: number; readonly y: number }, half: number): Box {
  return { left: x - half, right: x + half, top: y - half, bottom: y + half };
}

/** Units between a label and what is beside it. */
const AIR = 5;
/** Units between a label and its point. */
const GAP = 9;

function touch(a: Box, b: Box): boolean {
  return a.left < b.right + AIR && b.left < a.right + AIR && a.top < b.bottom && b.top < a.bottom;
}

/** The places around a point for a text of this size: right, left, above, below, then the corners. */
function placesOf(x: number, y: number, text: string, size: number): Place[] {
  const [width, height] = [0.58 * size * text.length, 1.1 * size];
  const beside = GAP + height / 2;
  return ([
    [GAP, 0, "start"],
    [-GAP, 0, "end"],
    [0, -beside, "middle"],
    [0, beside, "middle"],
    [GAP, -beside, "start"],
    [-GAP, -beside, "end"],
    [GAP, beside, "start"],
    [-GAP, beside, "end"],
  ] as const).map(([dx, dy, textAnchor]) => {
    const left = x + dx - (textAnchor === "start" ? 0 : textAnchor === "end" ? width : width / 2);
    const top = y + dy - height / 2;
    return { dx, dy, textAnchor, left, right: left + width, top, bottom: top + height };
  });
}

/** A place for a text beside a point, inside the frame and clear of what is taken; undefined where none is free. */
export function placeFor(
  { x, y, text, size }: {
    readonly x: number;
    readonly y: number;
    readonly text: string;
    readonly size: number;
  },
  frame: Box,
  taken: readonly Box[],
): Place | undefined {
  return placesOf(x, y, text, size).find((box) =>
    box.left >= frame.left && box.right <= frame.right && box.top >= frame.top &&
    box.bottom <= frame.bottom && taken.every((other) => !touch(box, other))
  );
}

/** Positions at least `gap` apart and inside the bounds where they fit, in their order, moved as little as that needs. */
export function spaced(
  positions: readonly number[],
  gap: number,
  [low, high]: readonly [number, number],
): number[] {
  const order = positions.map((_, i) => i).sort((a, b) => positions[a] - positions[b]);
  // Isotonic regression: of position − rank × gap, neighbours out of order share their mean.
  const groups: { sum: number; members: number[] }[] = [];
  order.forEach((index, rank) => {
    groups.push({ sum: positions[index] - rank * gap, members: [index] });
    while (groups.length > 1) {
      const [before, last] = groups.slice(-2);
      if (before.sum / before.members.length <= last.sum / last.members.length) break;
      groups.splice(-2, 2, { sum: before.sum + last.sum, members: [...before.members, ...last.members] });
    }
  });
  const placed = new Array<number>(positions.length);
  const top = high - (positions.length - 1) * gap;
  let rank = 0;
  for (const { sum, members } of groups) {
    const base = Math.max(low, Math.min(top, sum / members.length));
    for (const index of members) placed[index] = base + rank++ * gap;
  }
  return placed;
}
