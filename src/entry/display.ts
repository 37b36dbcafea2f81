/** A notebook shows a cell's last value by a method that Deno's kernel looks for; not enumerable, so JSON and copies do not have it. */

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
