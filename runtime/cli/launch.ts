import path from 'node:path';
import type { Command } from 'commander';

/** From sources the source, from an installed package its compiled twin. */
const extension = path.extname(import.meta.filename);
const launcherFile = path.join(import.meta.dirname, `../../executor/launch${extension}`);

/**
 * `terrace launch`: the root side's front door. The process becomes the launcher (execve), so that there are no two
 * of which one could outlive the other: signals and exit status are the launcher's own.
 */
export function addLaunchVerb(program: Command): void {
  program
    .command('launch')
    .description(
      "as root: start executor, sensors and policy hosts from root's own file, and keep them alive",
    )
    .requiredOption('--config <file>', "the launcher's file (docs/launcher.md)")
    .addHelpText('after', '\nWhere systemd runs, units for executor, sensors and launcher do the same job.')
    .action(({ config }: { readonly config: string }) => {
      process.execve?.(process.execPath, [process.execPath, launcherFile, `--config=${config}`]);
    });
}
