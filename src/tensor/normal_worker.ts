/** A thread of a `NormalPool`: writes normal numbers. */
import type { NormalTask } from "./normal_pool.ts";
import { fillRows } from "./random.ts";
import { bufferAt, serve } from "./threads.ts";

serve<NormalTask>(({ memory, rows }) => fillRows(new Float32Array(bufferAt(memory)), rows));
