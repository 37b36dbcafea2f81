/** The notebooks' own Jupyter, and the kernel for others. */
export { environment, execute, install, openLab, python, register } from "./jupyter.ts";
