import { Command } from "commander";
import { info } from "./study.ts";
import { type Context, openOptions } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { outOptions } from "core/command/destination.ts";
import { type Flags, MODEL, modelOptions } from "core/command/options.ts";
import { deliver, outputOf } from "core/command/outlet.ts";

const infoCommand = (context: Context): Command =>
  declared({
    name: "info",
    says: "describe a model from its headers: modules, parameters, trained length, licence and origin",
    takes: { "<model>": MODEL },
    options: { ...modelOptions(), ...outOptions() },
    example: "info smollm2-135m",
  }, async (ref: string, flags: Flags) => {
    await deliver(context, flags, outputOf(context, await info(ref, openOptions(context, flags))));
  });

export const commands = { "This machine:": [infoCommand] };
