/** The weights of the next layer, read and uploaded while those of this one are at work. */

/** Layers' weights by `read`, one layer of them ahead. */
export function readingAhead<Weights extends { release(): void }>(read: (l: number) => Promise<Weights>) {
  let ahead: { readonly l: number; readonly parts: Promise<Weights> } | null = null;

  /** Releases a layer that has been read and not taken. */
  async function forget(): Promise<void> {
    const parts = ahead?.parts.catch(() => null); // an error fails the layer that needs the weights
    ahead = null;
    (await parts)?.release();
  }

  return {
    /** Returns a layer's weights. The caller releases them. */
    async take(l: number): Promise<Weights> {
      if (ahead?.l !== l) {
        await forget();
        return await read(l);
      }
      const { parts } = ahead;
      ahead = null;
      return await parts;
    },
    /** Starts reading a layer once the running work has been handed to the engine. */
    readAhead(l: number): void {
      const parts = new Promise<void>((start) => setTimeout(start)).then(() => read(l));
      parts.catch(() => {}); // the taker gets the error
      ahead = { l, parts };
    },
    forget,
  };
}
