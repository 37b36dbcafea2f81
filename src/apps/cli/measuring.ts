import { orderCommand } from "../../features/orders/command.ts";
import { sweepCommand } from "../../features/sweep/command.ts";
import type { Result } from "../../core/show/looks.ts";
import type { RunOptions } from "../../core/study/options.ts";
import { studies } from "../../core/study/studies.ts";
import type { Study } from "../../core/study/study.ts";
import type { StudyModel } from "../../core/subject/mod.ts";
import { plainCommand } from "../../core/command/plain.ts";
import { causesCommand } from "../../features/causes/command.ts";
import { checkpointsCommand } from "../../features/training/command.ts";
import { randomInitCommand } from "../../features/untrained/command.ts";

export const choosing = [orderCommand, sweepCommand];

const plain = Object.entries<unknown>(studies).flatMap(([name, value]) => {
  const study = value as Study<StudyModel, RunOptions, Result>;
  return study.says === undefined ? [] : [[name, plainCommand(name, study)] as const];
});
const { profile, depth, perplexity, ...others } = Object.fromEntries(plain);
export const profileCommand = profile;
export const predicting = [perplexity, depth];

export const measuring = [causesCommand, checkpointsCommand, randomInitCommand, ...Object.values(others)];
