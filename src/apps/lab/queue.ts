/**
 * Requests to a kernel, in their order. Deno's kernel runs everything it has received, also after an error or a stop; so requests
 * wait here while a cell runs, and the cells among them are dropped if it fails, as in ipykernel.
 */

/** A request of a front end. */
export interface Request {
  readonly id: string;
  /** Whether it is a cell to run. The others only keep their place in the order. */
  readonly isCell: boolean;
  /** Whether its failure drops the cells behind it. */
  readonly stopsOthers: boolean;
  /** Hands it to the kernel. */
  send(): void;
  /** Answers it in the kernel's place. */
  refuse(reason: string): void;
}

export class Queue {
  #waiting: Request[] = [];
  #running: Request | null = null;

  add(request: Request): void {
    this.#waiting.push(request);
    this.#advance();
  }

  /** Whether a failure of this request drops cells. */
  stopsOthers(id: string): boolean {
    return this.#running?.id === id && this.#running.stopsOthers;
  }

  /** The kernel has answered a request. */
  answered(id: string, failed: boolean): void {
    if (this.#running?.id !== id) return;
    if (failed && this.stopsOthers(id)) this.drop("a cell before it failed");
    this.#running = null;
    this.#advance();
  }

  /** Refuses the cells that wait. */
  drop(reason: string): void {
    const cells = this.#waiting.filter(({ isCell }) => isCell);
    this.#waiting = this.#waiting.filter(({ isCell }) => !isCell);
    for (const cell of cells) cell.refuse(reason);
  }

  #advance(): void {
    while (!this.#running) {
      const next = this.#waiting.shift();
      if (!next) return;
      if (next.isCell) this.#running = next;
      next.send();
    }
  }
}
