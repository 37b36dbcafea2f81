/** A fit's answer, for the top of a page. */
import {
  costText,
  promiseText,
  savingText,
  sentences,
  sharedText,
  timesText,
  tokensOf,
} from "../words/mod.ts";
import { planText } from "../../measure/mod.ts";
import type { Fit } from "../../result/mod.ts";
import { dropText, sameDrop } from "./answer.ts";
import type { Answer } from "./section.ts";

/** The answer; where nothing may go, it is about the cheapest plan that was tried. Undefined for a model without modules to drop. */
export function fitAnswer(fit: Fit): Answer | undefined {
  const { aim, tried, answer, provenance } = fit;
  const shown = answer ?? cheapestOf(fit);
  if (shown === undefined) return undefined;
  const { drop, saves } = tried[shown];
  const promise = promiseText(aim);
  return {
    drop,
    goes: answer === null
      ? `Nothing is sure to keep the promise that ${promise} (95 %).`
      : `${dropText(drop, provenance.model.layers)}: ${promise} (95 %).`,
    measure: aim.of === "accuracy" ? "accuracy" : "loss",
    costOf: (wanted) => sameDrop(wanted, drop) ? costOf(fit, shown) : undefined,
    ...answer === null ? {} : { saves: sentences(`${savingText(saves)}.`, timesText(fit)) },
  };
}

function cheapestOf({ tried }: Fit): number | undefined {
  return [...tried.keys()].sort((a, b) => tried[a].cost.value - tried[b].cost.value)[0];
}

/** What a plan costs on the samples that confirm it, or else on those that choose. */
function costOf(fit: Fit, shown: number): string {
  const { aim, tried, answer, confirmed, confirming, provenance } = fit;
  const test = confirmed.find(({ tried }) => tried === shown);
  const on = aim.tasks ? "documents" : tokensOf(test ? confirming : provenance);
  const moved = aim.of === "perplexity" ? "perplexity rises" : aim.tasks ? "accuracy falls" : "loss rises";
  const cheapest = answer === null ? ", the cheapest plan" : "";
  return sentences(
    `The ${moved} by ${costText(aim, (test ?? tried[shown]).cost)} without ${
      planText(tried[shown].drop)
    }${cheapest}, on ${on}${test ? " that had no part in the choice" : ""}.`,
    sharedText([fit]),
  );
}
