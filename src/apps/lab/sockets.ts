/** Connections between programs of this machine. */
import { setTimeout } from "node:timers/promises";

const RETRY = 20; // ms between two attempts to reach a program that starts

/** Sends bytes after those before them. The reader of a connection notices when the other side has left. */
export type Send = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/** The sender of a connection, which has one. */
export function sender(connection: Deno.Conn): Send {
  const writer = connection.writable.getWriter();
  return (bytes) => writer.write(bytes).catch(() => {});
}

/** Connects as soon as somebody listens. */
export async function reach(hostname: string, port: number): Promise<Deno.Conn> {
  while (true) {
    try {
      return await Deno.connect({ hostname, port });
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await setTimeout(RETRY);
    }
  }
}

/** Ports that are free now. */
export function freePorts(hostname: string, count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname, port: 0 }));
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** Closes a connection, however often. */
export function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
