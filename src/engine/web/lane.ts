/** Work that is done one at a time, in the order it was asked for: the library has one stack, which work leaves half-way. */
export interface Lane {
  /** Does it when all before has ended, however it ended. */
  add<T>(work: () => T | Promise<T>): Promise<T>;
}

/** Nothing to do yet. */
export function openLane(): Lane {
  let last: Promise<unknown> = Promise.resolve();
  return {
    add(work) {
      const ended = last.then(work);
      last = ended.catch(() => {});
      return ended;
    },
  };
}
