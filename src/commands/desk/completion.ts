/**
 * Scripts that complete `lamina` commands in a shell, made from the commands themselves: they name every subcommand, option
 * and choice, and need no process at a key press. Where none of these fits, the shell completes files.
 */
import { Argument, Command, Help, type Option } from "commander";
import { knownModels } from "../../hub/mod.ts";
import type { Context } from "../shared/context.ts";
import { explained } from "../shared/help.ts";

/** A command on the way that was typed: "profile", "cache prune", "" for what stands first. */
interface Place {
  readonly path: string;
  readonly commands: readonly Command[];
  readonly options: readonly Option[];
  /** Words that an argument may be. */
  readonly words: readonly string[];
}

const SHELLS = { bash, zsh, fish } as const;

export function completionCommand(context: Context): Command {
  const command = new Command("completion")
    .description("print a shell completion script")
    .addArgument(new Argument("<shell>", "your shell").choices(Object.keys(SHELLS)));
  return explained(command, "completion bash > ~/.local/share/bash-completion/completions/lamina")
    .addHelpText("after", "\nThe script completes the command `lamina`, or an alias of that name.")
    .action(async (shell: keyof typeof SHELLS) => {
      const models = (await knownModels()).map(({ alias }) => alias);
      context.write(SHELLS[shell](placesOf(command.parent!, models)).trimEnd());
    });
}

function placesOf(program: Command, models: readonly string[], above: readonly string[] = []): Place[] {
  const help = new Help();
  const own = program.registeredArguments.flatMap((argument) =>
    argument.argChoices ?? (argument.name() === "model" ? models : [])
  );
  const commands = help.visibleCommands(program);
  return [
    { path: above.join(" "), commands, options: help.visibleOptions(program), words: own },
    ...commands.flatMap((child) => placesOf(child, models, [...above, child.name()])),
  ];
}

/** The cases of a shell's `case`: what may follow each place, and each option with a value; "cache prune" before "cache". */
function cases(places: readonly Place[]): string {
  return places.toReversed().flatMap(({ path, commands, options, words }) => [
    ...options.flatMap(({ long, argChoices, required, optional }) =>
      required || optional ? [`    "${path} ${long}") choices="${argChoices?.join(" ") ?? ""}" ;;`] : []
    ),
    `    "${path} "*) choices="${
      [...commands.map((child) => child.name()), ...words, ...options.map(({ long }) => long)].join(" ")
    }" ;;`,
  ]).join("\n");
}

/** Reads the place from the words before the cursor: the names of commands among them. */
function walk(places: readonly Place[], words: string): string {
  const paths = places.map(({ path }) => path).filter((path) => path !== "");
  return `  for word in ${words}; do
    case "$place\${place:+ }$word" in
      ${paths.map((path) => `"${path}"`).join(" | ")}) place="$place\${place:+ }$word" ;;
    esac
  done`;
}

function bash(places: readonly Place[]): string {
  return `# bash completion of lamina; source it, or put it into ~/.local/share/bash-completion/completions/lamina
_lamina() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} place= word choices=
${walk(places, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  case "$place $before" in
${cases(places)}
  esac
  COMPREPLY=($(compgen -W "$choices" -- "$current"))
}
complete -o default -F _lamina lamina
`;
}

function zsh(places: readonly Place[]): string {
  return `#compdef lamina
# zsh completion of lamina; source it, or put it into a folder of $fpath as _lamina
_lamina() {
  local before=\${words[CURRENT-1]} place= word typed choices=
  typed=("\${(@)words[2,CURRENT-1]}")
${walk(places, '"${(@)typed}"')}
  case "$place $before" in
${cases(places)}
  esac
  compadd -- \${=choices} || _files
}
if [ "$funcstack[1]" = _lamina ]; then _lamina "$@"; else compdef _lamina lamina; fi
`;
}

function fish(places: readonly Place[]): string {
  const text = (description: string) => `'${description.replaceAll(/['\\]/g, "\\$&")}'`;
  return `# fish completion of lamina; put it into ~/.config/fish/completions/lamina.fish
${
    places.flatMap(({ path, commands, options, words }) => {
      const names = path.split(" ").filter((name) => name !== "");
      const inside = names.map((name) => `__fish_seen_subcommand_from ${name}`);
      const outside = commands.length
        ? [`not __fish_seen_subcommand_from ${commands.map((child) => child.name()).join(" ")}`]
        : [];
      const line = `complete -c lamina -n '${[...inside, ...outside].join("; and ")}'`;
      return [
        ...commands.map((child) => `${line} -f -a ${child.name()} -d ${text(child.description())}`),
        ...words.map((word) => `${line} -a ${word}`),
        ...options.map(({ long, description, argChoices, required }) =>
          `${line} -l ${long!.slice(2)} -d ${text(description)}` +
          (argChoices ? ` -x -a '${argChoices.join(" ")}'` : required ? " -r" : "")
        ),
      ];
    }).join("\n")
  }
`;
}
