/**
 * Execution providers in libraries of their own, which ONNX Runtime loads when an engine asks for one: plug-ins. A plug-in computes
 * in the CPU's memory here. A graph runs wholly on its device, or its compilation fails; sums of float64 are the CPU's.
 */
import { refusal } from "../../entry/mod.ts";
import { cPath, cString, textPairs } from "../../libraries/mod.ts";
import { pluginLowering } from "../../onnx/mod.ts";
import type { Engine, EngineName, Precision } from "../engine.ts";
import { cpuProvider, openCpuLibrary, threadsRequested } from "./cpu.ts";
import { nativeEngine } from "./native.ts";

/** Kinds of hardware, in the order of `OrtHardwareDeviceType`. */
const KINDS = ["cpu", "gpu", "npu"] as const;

/** `OrtDeviceMemoryType_HOST_ACCESSIBLE`. */
const HOST_ACCESSIBLE = 5;

/** A plug-in, and which of its devices. */
interface Plugin {
  /** Path of its library. */
  readonly file: string;
  /** What errors call it: "the engine openvino". */
  readonly called: string;
  /** The vendor, as a PCI number, that the plug-in has to see on the machine's CPU while it looks for devices. */
  readonly vendor: number;
}

/** A device that a plug-in offers. */
export interface PluginDevice {
  /** `OrtEpDevice`. */
  readonly address: Deno.PointerObject;
  readonly provider: string;
  readonly kind: typeof KINDS[number];
  /** The device in words. */
  readonly words: string;
  /** A property of the device that the plug-in names; null if it does not. */
  property(name: string): string | null;
}

/** How an engine uses a plug-in. */
interface Use {
  readonly name: EngineName;
  readonly precision: Precision;
  /** Options of the execution provider for a graph with factors of bfloat16, or without any. Throws `Error` if the device cannot do what is needed. */
  options(device: PluginDevice, hasBfloat16: boolean): Readonly<Record<string, string>>;
}

/** Plug-ins that are loaded, by their paths, each with the number of its open engines. */
const loaded = new Map<string, { readonly devices: readonly PluginDevice[]; users: number }>();

/**
 * Opens an engine on a device of a plug-in, which is unloaded when the last engine on it closes. Throws `Error` if the library cannot
 * be loaded or has no such device.
 */
export function pluginEngine(plugin: Plugin, { name, precision, options }: Use): Engine {
  const opened = openCpuLibrary();
  const { library, environment } = opened;
  const devices = load(plugin);
  let isOpen = true;
  function leave(): void {
    if (isOpen) unload(plugin.file);
    isOpen = false;
  }
  try {
    const device = cpuOf(plugin, devices);
    const narrow = precision === "bfloat16";
    const settings = [false, narrow].map((hasBfloat16) => options(device, hasBfloat16));
    const lowering = pluginLowering(narrow ? "bf16" : "f32");
    const cpu = cpuProvider(opened, { threads: threadsRequested(), precision, lowering });
    return nativeEngine(opened, {
      ...cpu,
      name,
      version: [`${cpu.version},`, device.provider, device.property("version")].filter(Boolean).join(" "),
      device: device.words,
      shared: sharedMemory(plugin, device),
      configure(session, isPacked, graph) {
        // Beside bfloat16, what stays float32, such as heads, is the CPU's: it is faster there, a head eight times as fast.
        const isExact = narrow && !graph.hasBfloat16 || [...graph.types.values()].includes("f64");
        if (isExact) return cpu.configure(session, isPacked, graph);
        library.configure("AddSessionConfigEntry", session, { "session.disable_cpu_ep_fallback": "1" });
        const list = BigUint64Array.of(Deno.UnsafePointer.value(device.address));
        const append = "SessionOptionsAppendExecutionProvider_V2";
        const pairs = textPairs(settings[Number(graph.hasBfloat16)]);
        library.call(append, session, environment.address, list, 1n, ...pairs);
      },
      close() {
        cpu.close();
        leave();
      },
    });
  } catch (error) {
    leave();
    throw error;
  }
}

/** The devices of the plug-in in a file, which ONNX Runtime loads unless it has. */
function load({ file, called, vendor }: Plugin): readonly PluginDevice[] {
  const known = loaded.get(file);
  if (known) {
    known.users++;
    return known.devices;
  }
  const { library, environment } = openCpuLibrary();
  const all = () => library.list("GetEpDevices", environment.address).entries;
  const others = new Set(all().map(Deno.UnsafePointer.value));
  const restoring: (() => void)[] = [];
  try {
    for (const device of all()) restoring.push(...renamed(device, vendor));
    library.call("RegisterExecutionProviderLibrary", environment.address, cString(file), cPath(file));
  } catch (error) {
    throw refusal(Error, `use ${called}`, (error as Error).message, { cause: error });
  } finally {
    for (const restore of restoring) restore();
  }
  const devices = all().filter((address) => !others.has(Deno.UnsafePointer.value(address))).map(described);
  loaded.set(file, { devices, users: 1 });
  return devices;
}

/**
 * Gives the CPU that a device describes another vendor; returns what puts its own back, nothing for other hardware and for the same vendor.
 * Throws `Error` unless `OrtHardwareDevice` begins with its kind and its vendor.
 */
function renamed(device: Deno.PointerObject, vendor: number): (() => void)[] {
  const { library } = openCpuLibrary();
  const hardware = library.plain("EpDevice_Device", device) as Deno.PointerObject;
  const known = [
    library.plain("HardwareDevice_Type", hardware),
    library.plain("HardwareDevice_VendorId", hardware),
  ];
  if (KINDS[known[0] as number] !== "cpu" || known[1] === vendor) return [];
  const fields = new Uint32Array(Deno.UnsafePointerView.getArrayBuffer(hardware, 8));
  if (`${fields}` !== `${known}`) {
    throw new Error(
      "ONNX Runtime describes the CPU in an unknown layout, expected its kind and its vendor first",
    );
  }
  fields[1] = vendor;
  return [() => void (fields[1] = known[1] as number)];
}

function unload(file: string): void {
  const plugin = loaded.get(file)!;
  if ((plugin.users -= 1) > 0) return;
  loaded.delete(file);
  const { library, environment } = openCpuLibrary();
  library.call("UnregisterExecutionProviderLibrary", environment.address, cString(file));
}

function described(address: Deno.PointerObject): PluginDevice {
  const { library } = openCpuLibrary();
  const hardware = library.plain("EpDevice_Device", address) as Deno.PointerObject;
  const kind = KINDS[library.plain("HardwareDevice_Type", hardware) as number];
  const metadata = library.plain("EpDevice_EpMetadata", address) as Deno.PointerObject;
  const property = (name: string) => library.text("GetKeyValue", metadata, cString(name));
  return {
    address,
    provider: library.text("EpDevice_EpName", address)!,
    kind,
    words: property("FULL_DEVICE_NAME") ??
      `${kind.toUpperCase()} by ${library.text("HardwareDevice_Vendor", hardware)}`,
    property,
  };
}

/** Memory that the device shares with the CPU. Throws `Error` if it has none. */
function sharedMemory({ called }: Plugin, { address }: PluginDevice): Deno.PointerObject {
  const memory = openCpuLibrary().library.plain("EpDevice_MemoryInfo", address, HOST_ACCESSIBLE);
  if (memory) return memory as Deno.PointerObject;
  throw refusal(
    Error,
    `use ${called}`,
    "its CPU shares no memory, expected a device that computes in the CPU's",
  );
}

/** The CPU. Throws `Error` that names the devices that there are. */
function cpuOf({ called }: Plugin, devices: readonly PluginDevice[]): PluginDevice {
  const found = devices.find(({ kind }) => kind === "cpu");
  if (found) return found;
  const others = devices.map(({ provider, kind, words }) => `${provider} on ${kind} (${words})`).join(", ");
  throw refusal(
    Error,
    `use ${called}`,
    others ? `it has ${others}, expected a CPU` : `it has no device for ${hardware()}`,
  );
}

/** This machine's processors in words, as far as ONNX Runtime's own providers use them. */
function hardware(): string {
  const { library, environment } = openCpuLibrary();
  const devices = library.list("GetEpDevices", environment.address).entries.map(described);
  return `this machine (${devices.map(({ words }) => words).join(", ")})`;
}
