/** An error with an exit code of its own. */
export class Exit extends Error {
  constructor(readonly code: number, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
