/** Where bytes come from: paths, the hub, Python packages. The only network code. */
export type { ByteSource } from "./source.ts";
