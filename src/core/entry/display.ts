/**
 * A notebook renders the last value of a cell through a method that Deno's kernel looks for. The method is not enumerable, so JSON,
 * copies and comparisons do not see it. The outlet decides how a value looks.
 */

type Bundle = Readonly<Record<string, string>>;
let render: ((value: object) => Bundle | Promise<Bundle>) | null = null;

/** From now on, `renderer` renders values: it gives text by media type. */
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
