/** A user's plug-in as an engine: `plugin:FILE`, and `,NAME=VALUE` for its provider's options; `EP` and `device` choose among several. */
import { refusal } from "../../entry/mod.ts";
import { runApart } from "../../libraries/mod.ts";
import type { Engine, PluginName, Precision } from "../engine.ts";
import { KINDS, type Plugin, pluginEngine } from "./plugin.ts";

const PREFIX = "plugin:";

export function isPluginName(name: unknown): name is PluginName {
  return typeof name === "string" && name.startsWith(PREFIX) && name.length > PREFIX.length;
}

/**
 * Opens the engine after a process of its own has: a library that was made for another ONNX Runtime, or whose driver is missing, may
 * crash. Throws `RangeError` for a kind of device that is none, and `Error` where the other process failed.
 */
export async function userEngine(name: PluginName, precision: Precision): Promise<Engine> {
  const { file } = parsePlugin(name);
  await runApart(new URL("./user_trial.ts", import.meta.url), [name, precision]).catch((error: Error) => {
    throw "why" in error ? error : refusal(Error, `use the plug-in ${file}`, error.message, { cause: error });
  });
  return openUser(name, precision);
}

export function openUser(name: PluginName, precision: Precision): Engine {
  const { options, ...plugin } = parsePlugin(name);
  const note = Object.entries(options).map((option) => option.join("=")).join(", ");
  return pluginEngine(plugin, { name, precision, note, options: () => options });
}

function parsePlugin(name: PluginName): Plugin & { readonly options: Record<string, string> } {
  const [file, ...settings] = name.slice(PREFIX.length).split(/,(?=[A-Za-z_][\w.-]*=)/);
  const { EP: provider, device, ...options } = Object.fromEntries(
    settings.map((setting) => [setting.split("=", 1)[0], setting.slice(setting.indexOf("=") + 1)]),
  );
  const kind = KINDS.find((kind) => kind === device);
  if (device === undefined || kind) return { file, called: `the plug-in ${file}`, provider, kind, options };
  throw refusal(RangeError, `use the plug-in ${file}`, `device is "${device}", expected ${KINDS.join(", ")}`);
}
