#!/usr/bin/env node
// Sets up what is missing, then runs the appliance in this very process: a signal, whether it comes from the
// terminal, from npm or by process number, has only one place to go.
import { command, setup } from './setup.mjs';

await command(async () => {
  const { VM_DISK: disk, QEMU_BMC_CONFIG: file } = process.env;
  await setup({ demo: !disk || Boolean(file) });
  if (process.env.npm_lifecycle_event) stopWithParent();
  const { main } = await import('../dist/main.js');
  return main(['run', ...process.argv.slice(2)]);
});

/** When npm is killed without a chance to tell us, nobody is left to press Ctrl-C: stop in order. */
function stopWithParent() {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    process.stderr.write('qemu-bmc: npm has gone\n');
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watch.unref();
}
