// cli/command.ts - what all commands share: commander set up to speak through the Shell, common flags, examples.
// Owns: the form of `--help`. Never: any one command.
import { Command, Option } from 'commander';
import type { Shell } from './shell.ts';
import { type SettingName, settingFlag, settings } from './settings.ts';

/** One example of the help: what it does, and the command line without the program's name. */
export interface Example { readonly says: string; readonly line: string }

/** A commander Command that writes through the shell and throws where commander would exit. */
export function newCommand(shell: Shell, name: string, summary: string, examples: readonly Example[] = []): Command {
  const command = new Command(`millrace ${name}`).description(summary);
  prepare(command, shell, `millrace ${name}`, examples);
  return command;
}

/** Adds a subcommand such as `topics create` with the same manners. */
export function addSubcommand(parent: Command, shell: Shell, usage: string, summary: string, examples: readonly Example[] = []): Command {
  const command = parent.command(usage).summary(summary).description(summary);
  prepare(command, shell, `${parent.name()} ${command.name()}`, examples);
  return command;
}

function prepare(command: Command, shell: Shell, called: string, examples: readonly Example[]): void {
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => shell.out.write(text),
      writeErr: (text) => shell.err.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, shell.err.style('red', 'error:'))),
      getOutHelpWidth: () => Math.min(shell.out.columns, 110),
      getErrHelpWidth: () => Math.min(shell.err.columns, 110),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .helpOption('-h, --help', 'this text')
    .showHelpAfterError(`All flags and examples: ${called} --help`)
    .helpCommand(false);
  if (examples.length > 0) command.addHelpText('after', () => exampleText(examples, shell));
}

function exampleText(examples: readonly Example[], shell: Shell): string {
  return ['', 'Examples:', ...examples.flatMap(({ says, line }) => [`  ${shell.out.style('dim', `# ${says}`)}`, `  ${line}`])].join('\n');
}

/** Adds the flags of settings and `--settings` under a heading of the help; each names its variable and its default. */
export function addSettings(command: Command, heading: string, ...names: readonly SettingName[]): Command {
  for (const name of names) {
    const setting = settings[name];
    const option = new Option(settingFlag(name), `${setting.help}${setting.defaultText === undefined ? '' : ` (default: ${setting.defaultText})`} [${setting.env}]`);
    if (setting.kind === 'list') option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
    command.addOption(option.helpGroup(heading));
  }
  return command.addOption(new Option('--settings <file>', 'settings file to read (default: millrace.config.ts, when there is one) [MILLRACE_SETTINGS]').helpGroup(heading));
}
