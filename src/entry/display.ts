/**
 * Values that a notebook renders where they are a cell's last value, by the method that Deno's kernel looks for. It is not
 * enumerable: JSON, copies and comparisons do not see it. What a value looks like is for the outlet to say.
 */

type Bundle = Readonly<Record<string, string>>;
let render: ((value: object) => Bundle | Promise<Bundle>) | null = null;

/** From now on values look like what this shows or gives: text by media type. */
export function displayWith(renderer: typeof render): void {
  render = renderer;
}

/** The value, with the method. */
export function displayable<T extends object>(value: T): T {
  return Object.defineProperty(value, Symbol.for("Jupyter.display"), {
    value: () => render?.(value) ?? { "text/plain": Deno.inspect(value) },
    configurable: true,
  });
}
