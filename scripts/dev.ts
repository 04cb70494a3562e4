/**
 * `npm run dev`: the appliance with the machine in memory, started anew when its source changes, and the web console with
 * hot reload. Neither root nor QEMU is needed.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

const appliance = spawn('npx', ['tsx', 'watch', 'src/main.ts', 'run', '--fake', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
const web = await createServer({ configFile: `${root}vite.config.ts`, clearScreen: false });
await web.listen();
web.printUrls();

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => appliance.kill(signal));
appliance.once('exit', (code) => {
  process.exitCode = code ?? 0;
  void web.close();
});
