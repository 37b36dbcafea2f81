/**
 * The state that all sessions of one library share: its threads and the memory of its temporaries.
 *
 * Threads do not spin: beside the threads of other work, on few cores, that costs more than it saves (a profile is 1.6 times
 * as fast without). Temporaries come from one arena.
 */
import { cString, pointerList } from "../../libraries/mod.ts";
import type { Library } from "./library.ts";
import { returnLargeMemory } from "./memory.ts";

/** ONNX Runtime's log level: fatal errors. */
const FATAL = 4;
/**
 * The arena. What is free can be used for anything that fits only within one region: a first one that holds the temporaries of
 * most modules, and then powers of two up to a limit, takes a third less than a region for each size met.
 */
const arenaConfig = {
  arena_extend_strategy: 0, // powers of two
  initial_chunk_size_bytes: 48 * 2 ** 20, // address space, until it is written to
  initial_growth_chunk_size_bytes: 16 * 2 ** 20,
  max_power_of_two_extend_bytes: 64 * 2 ** 20,
};
/** `OrtAllocatorType` and `OrtMemType` of an arena in ordinary memory. */
const ARENA = 1;
const ORDINARY = 0;

/** An environment of a library, and its CPU memory. */
export type Environment = { readonly address: Deno.PointerObject; readonly cpuMemory: Deno.PointerObject };

/** Opens the environment; `threads` per product, 0 for every core. A process has one for each library. */
export function openEnvironment(library: Library, threads: number): Environment {
  returnLargeMemory();
  const options = library.make("CreateThreadingOptions");
  library.call("SetGlobalIntraOpNumThreads", options, threads);
  library.call("SetGlobalSpinControl", options, 0);
  const name = cString("lamina");
  kept.push(name);
  const place = new BigUint64Array(1);
  library.call("CreateEnvWithGlobalThreadPools", FATAL, name, options, place);
  const address = Deno.UnsafePointer.create(place[0])!;
  library.plain("ReleaseThreadingOptions", options);

  const cpuMemory = library.make("CreateCpuMemoryInfo", ARENA, ORDINARY);
  const arena = openArena(library, arenaConfig);
  library.call("CreateAndRegisterAllocator", address, cpuMemory, arena);
  library.plain("ReleaseArenaCfg", arena);
  return { address, cpuMemory };
}

/** Settings of an arena; to be released. */
export function openArena(library: Library, config: Readonly<Record<string, number>>): Deno.PointerObject {
  const keys = Object.keys(config).map(cString);
  const values = BigUint64Array.from(Object.values(config), BigInt);
  return library.make("CreateArenaCfgV2", pointerList(keys), values, BigInt(keys.length));
}

/** Memory whose address a library keeps. */
const kept: BufferSource[] = [];
