/** Texts that models write, with and without modules. */
import { feature, recorded } from "core/feature/mod.ts";
import { generateKind } from "./result.ts";
import { planText } from "core/measure/mod.ts";

export * from "./decoded.ts";
export * from "./generate.ts";
export * from "./result.ts";

export default feature({
  looks: [
    recorded(
      generateKind,
      ({ model: { name, format }, prompt, texts }) =>
        texts.map(({ plan, ids, text, ended }) => (
          { model: name, format, dropped: planText(plan), prompt, text, tokens: ids.length, ended }
        )),
    ),
  ],
  commands: () => import("./command.ts"),
});
