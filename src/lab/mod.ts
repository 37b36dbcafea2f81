/** The notebooks' own Jupyter, and the kernel for others. */
export * from "./jupyter.ts";
