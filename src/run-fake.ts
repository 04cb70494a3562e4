/** `run --fake`: the appliance in this one process, with a machine that exists in memory only. */
import { rmSync } from 'node:fs';
import { announcement } from './announcement.ts';
import { runAppliance } from './appliance.ts';
import type { Config } from './config/config.ts';
import { preparePrivateDirectory } from './config/run-files.ts';
import { StopRequest } from './stop-request.ts';

/** Runs until stopped. @returns the exit code */
export async function runFake(config: Config): Promise<number> {
  const stopping = new StopRequest();
  preparePrivateDirectory(config.bmc.stateDir);
  preparePrivateDirectory(config.bmc.runDir);
  try {
    const appliance = await runAppliance(config, { powerReturned: true });
    process.stdout.write(announcement(config, undefined));
    await stopping.stop;
    const stopped = appliance.stop({ shutdownGraceMs: config.power.shutdownGraceMs });
    await Promise.race([stopped, stopping.force]);
    return 0;
  } finally {
    rmSync(config.bmc.runDir, { recursive: true, force: true });
    stopping.dispose();
  }
}
