/** Work that is done one at a time, in the order it was asked for. */
export interface Lane {
  /** Does it when all before has ended, however it ended. */
  add<T>(work: () => T | Promise<T>): Promise<T>;
}

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
