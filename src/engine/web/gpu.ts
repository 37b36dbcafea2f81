/** The device of the engine `webgpu`, whose errors become exceptions that say what could not be done. */
import { openWebgpuDevice } from "../../libraries/mod.ts";
import { collectBindGroups } from "./bind_groups.ts";

/** A device. */
export interface Gpu {
  readonly device: GPUDevice;
  /** The device in words. */
  readonly name: string;
  /** Does what is at once done; rejects with what the device reports of it, which may be later. */
  check<T>(what: string, work: () => T): { readonly result: T; readonly checked: Promise<void> };
  /** Does some work, nothing else being guarded; rejects with what it throws, what the device reports, or the device's loss. */
  guard<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** Waits for some work, or rejects with what it throws or with the device's loss. */
  unlessLost<T>(what: string, work: Promise<T>): Promise<T>;
}

let opened: Promise<Gpu> | undefined;

/** The device of this process: opened at the first call, and anew where it is lost. */
export function openGpu(): Promise<Gpu> {
  return opened ??= open().catch((error) => {
    opened = undefined;
    throw error;
  });
}

async function open(): Promise<Gpu> {
  const { device, name } = await openWebgpuDevice();
  collectBindGroups(device);
  let lost: string | null = null;
  const waiting = new Set<() => void>();
  device.lost.then(({ message }) => {
    lost = message;
    opened = undefined;
    for (const reject of waiting) reject();
  });
  const lostError = (what: string) =>
    new Error(`Cannot ${what} on ${name}: the device was lost${lost && ` (${lost})`}`);

  const failure = (what: string, cause: Error) =>
    new Error(`Cannot ${what} on ${name}: ${cause.message}`, { cause });

  function expectThere(what: string): void {
    if (lost !== null) throw lostError(what);
  }

  async function unlessLost<T>(what: string, work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const fail = () => reject(lostError(what));
    waiting.add(fail);
    try {
      return await Promise.race([work, promise]);
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve)); // of a loss, one is told later than of what it does
      throw lost === null ? failure(what, error as Error) : lostError(what);
    } finally {
      waiting.delete(fail);
    }
  }

  return {
    device,
    name,
    check(what, work) {
      expectThere(what);
      pushScopes(device);
      try {
        return { result: work(), checked: popScopes(device, `Cannot ${what} on ${name}`) };
      } catch (error) {
        popScopes(device, "").catch(() => {}); // what was thrown says more
        throw error;
      }
    },
    async guard(what, work) {
      expectThere(what);
      pushScopes(device);
      let result;
      try {
        result = await unlessLost(what, work());
      } catch (error) {
        await popScopes(device, `Cannot ${what} on ${name}`).catch((report) => {
          if (lost === null) throw report;
        });
        throw error;
      }
      await popScopes(device, `Cannot ${what} on ${name}`);
      return result;
    },
    unlessLost(what, work) {
      expectThere(what);
      return unlessLost(what, work);
    },
  };
}

const scopes = ["internal", "out-of-memory", "validation"] as const;

function pushScopes(device: GPUDevice): void {
  for (const scope of scopes) device.pushErrorScope(scope);
}

async function popScopes(device: GPUDevice, cannot: string): Promise<void> {
  const reports = await Promise.all(scopes.map(() => device.popErrorScope()));
  const report = reports.find((report) => report !== null);
  if (report) throw new Error(`${cannot}: ${report.message}`);
}
