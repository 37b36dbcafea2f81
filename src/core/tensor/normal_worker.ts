/** A thread of a `NormalPool`: writes normal numbers. */
import { bufferAt, type NormalTask, serve } from "./threads.ts";
import { fillRows } from "./random.ts";

serve<NormalTask>(({ memory, rows }) => fillRows(new Float32Array(bufferAt(memory)), rows));
