/** Where this copy of Lamina lies, and where it keeps what it downloads, computes and installs. */
export * from "./home.ts";
