/** Jupyter's messages (jupyter-client.readthedocs.io, "Messaging in Jupyter"), as a relay reads and writes them. */
import { createHmac } from "node:crypto";

const DELIMITER = "<IDS|MSG>";
const VERSION = "5.3"; // of the protocol

/** A message's header. */
export interface Header {
  readonly msg_id: string;
  readonly msg_type: string;
  /** Who sent it. */
  readonly session: string;
}

/** The parts of a message that a relay reads. */
export interface JupyterMessage {
  readonly header: Header;
  readonly parent: Partial<Header>;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Reads and writes the messages of one kernel, all signed with its key; an empty key signs nothing. */
export class Signed {
  readonly #key: string;
  /** The session of the messages written here. */
  readonly session: string = crypto.randomUUID();

  constructor(key: string) {
    this.#key = key;
  }

  /** A message of these frames; null where it is malformed, or not signed with the key. */
  read(frames: readonly Uint8Array[]): JupyterMessage | null {
    const start = startOf(frames);
    const [signature, ...parts] = frames.slice(start, start + 5);
    if (start === 0 || parts.length < 4 || decode(signature) !== this.#sign(parts)) return null;
    try {
      const [header, parent, , content] = parts.map((part) => JSON.parse(decode(part)));
      return { header, parent, content };
    } catch {
      return null;
    }
  }

  /** Returns the frames of a message that answers `parent`. Subscribers of a channel choose messages by `topic`. */
  write(type: string, content: object, parent: Partial<Header> = {}, topic?: string): Uint8Array[] {
    const header = {
      msg_id: crypto.randomUUID(),
      session: this.session,
      username: "kernel",
      date: new Date().toISOString(),
      msg_type: type,
      version: VERSION,
    };
    const parts = [header, parent, {}, content].map((part) => encode(JSON.stringify(part)));
    const first = topic === undefined ? [] : [topic];
    return [...[...first, DELIMITER, this.#sign(parts)].map(encode), ...parts];
  }

  /** The frames of a message as an answer to `parent` instead. */
  adopt(frames: readonly Uint8Array[], parent: Partial<Header>): Uint8Array[] {
    const start = startOf(frames);
    const [header, , ...others] = frames.slice(start + 1, start + 5);
    const parts = [header, encode(JSON.stringify(parent)), ...others];
    return [...frames.slice(0, start), encode(this.#sign(parts)), ...parts, ...frames.slice(start + 5)];
  }

  #sign(parts: readonly Uint8Array[]): string {
    if (this.#key === "") return "";
    const hash = createHmac("sha256", this.#key);
    for (const part of parts) hash.update(part);
    return hash.digest("hex");
  }
}

const startOf = (frames: readonly Uint8Array[]) =>
  frames.findIndex((frame) => decode(frame) === DELIMITER) + 1;
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
