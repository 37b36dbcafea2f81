/** The weights of the next layer, read and uploaded while those of this one are at work. */

/** Layers' weights, one of them ahead. */
export interface ReadAhead<Weights> {
  /** The weights of a layer, to be released by the taker. */
  take(l: number): Promise<Weights>;
  /** Starts reading a layer once what is running has been handed to the engine. */
  readAhead(l: number): void;
  /** Releases what has been read and not taken. */
  forget(): Promise<void>;
}

/** Reads layers by `read`. */
export function readingAhead<Weights extends { release(): void }>(
  read: (l: number) => Promise<Weights>,
): ReadAhead<Weights> {
  let ahead: { readonly l: number; readonly parts: Promise<Weights> } | null = null;

  async function forget(): Promise<void> {
    const parts = ahead?.parts.catch(() => null); // what cannot be read fails the layer that needs it
    ahead = null;
    (await parts)?.release();
  }

  return {
    async take(l) {
      if (ahead?.l !== l) {
        await forget();
        return await read(l);
      }
      const { parts } = ahead;
      ahead = null;
      return await parts;
    },
    readAhead(l) {
      const parts = new Promise<void>((start) => setTimeout(start)).then(() => read(l));
      parts.catch(() => {}); // whoever takes it is told
      ahead = { l, parts };
    },
    forget,
  };
}
