/** The BMC's own process: runs the appliance until a signal, then stops it together with the machine. */
import { runAppliance } from './appliance.ts';
import type { Config } from './config/config.ts';
import { loadResolvedConfig } from './config/resolved.ts';
import { BmcExit, bmcResetExit, takePowerReturned } from './config/run-files.ts';
import { StopRequest } from './stop-request.ts';

/** @param file the configuration, as {@link loadResolvedConfig} reads it */
export async function runResolvedBmc(file: string): Promise<never> {
  return runBmc(loadResolvedConfig(file));
}

/** Ends the process with one of {@link BmcExit}, or {@link bmcResetExit}. */
export async function runBmc(config: Config): Promise<never> {
  const stopping = new StopRequest();
  let resetWanted: () => void = () => undefined;
  const reset = new Promise<'reset'>((resolve) => {
    resetWanted = () => resolve('reset');
  });
  const powerReturned = takePowerReturned(config.bmc.runDir);
  let appliance: Awaited<ReturnType<typeof runAppliance>>;
  try {
    appliance = await runAppliance(config, {
      powerReturned,
      restart: () => resetWanted(),
      unwanted: stopping.stop,
    });
  } catch (error) {
    process.stderr.write(`qemu-bmc: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(BmcExit.hopeless);
  }
  if ((await Promise.race([stopping.stop, reset])) === 'reset') {
    // The guest goes on; our next life takes it over.
    await appliance.stop({});
    process.exit(bmcResetExit);
  }
  const stopped = appliance.stop({ shutdownGraceMs: config.power.shutdownGraceMs });
  void stopping.force.then(() => appliance.bmc.power.shutdown(0));
  await stopped;
  // Whatever still holds the event loop has nothing more to say.
  process.exit(BmcExit.stopped);
}
