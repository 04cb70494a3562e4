/** The BMC's own process: runs the appliance until a signal, then stops it together with the machine. */
import { runAppliance } from './appliance.ts';
import type { Config } from './config/config.ts';
import { BmcExit, takePowerReturned } from './config/run-files.ts';
import { StopRequest } from './stop-request.ts';

/** Ends the process with one of {@link BmcExit}. */
export async function runBmc(config: Config): Promise<never> {
  const stopping = new StopRequest();
  const powerReturned = takePowerReturned(config.bmc.runDir);
  let appliance: Awaited<ReturnType<typeof runAppliance>>;
  try {
    appliance = await runAppliance(config, { powerReturned });
  } catch (error) {
    process.stderr.write(`qemu-bmc: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(BmcExit.hopeless);
  }
  await stopping.stop;
  const stopped = appliance.stop({ shutdownGraceMs: config.power.shutdownGraceMs });
  void stopping.force.then(() => appliance.bmc.power.shutdown(0));
  await stopped;
  // Whatever still holds the event loop has nothing more to say.
  process.exit(BmcExit.stopped);
}
