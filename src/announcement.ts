/** The block that `npm start` ends with: where the appliance listens and what to type. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Config } from './config/config.ts';
import { type ApplianceStatus, runFiles } from './config/run-files.ts';
import { reachableHost, redfishUrl } from './config/urls.ts';
import { quoteWord } from './config/words.ts';

/** @param status what the BMC says about itself, if it has said anything yet */
export function announcement(config: Config, status: ApplianceStatus | undefined): string {
  const { bmc, ipmi, machine, profile, redfish } = config;
  const [first] = ipmi.users;
  const user = first?.name ?? '';
  const host = reachableHost(bmc.address);
  const port = ipmi.port === 623 ? '' : ` -p ${ipmi.port}`;
  const key = config.ipmi.kgHex === undefined ? '' : ' -y $KG';
  const suite = profile === 'strict' ? ' -C 17' : '';
  // A password that somebody chose is not repeated on the screen.
  const password = ipmi.defaultPassword ? ` -P ${quoteWord(first?.password ?? '')}` : ' -a';
  const tool = `ipmitool -I lanplus -H ${host}${port} -U ${quoteWord(user)}${password}${key}${suite}`;
  const fake = machine.kind === 'fake';
  const accelerator = status?.machine?.accelerator;
  const lines = [
    '',
    `qemu-bmc is ready: IPMI on ${bmc.address}, UDP port ${ipmi.port}${redfish.port === 0 ? '' : `; Redfish on TCP port ${redfish.port}`}; profile ${profile}; machine ${quoteWord(machine.name)}${
      fake
        ? ' (in memory only)'
        : `, ${machine.memoryMb} MB, ${machine.cpus} CPU${machine.cpus > 1 ? 's' : ''}, ${machine.bootMode}`
    }${accelerator === 'tcg' ? ', emulated (no KVM: `node dist/main.js status` says why)' : accelerator ? `, ${accelerator}` : ''}`,
    '',
    ...(ipmi.defaultPassword
      ? [
          `  Login       ${user} / ${first?.password}`,
          '              *** This password is in the manual. Set IPMI_PASS before anybody else can reach the port. ***',
        ]
      : [`  Login       ${user}, with the password you set (-a asks for it)`]),
    '',
    `  Identity    ${tool} mc info`,
    `  Power       ${tool} power status        (on, off, cycle, reset, soft, diag)`,
    `  Console     ${tool} sol activate        (Enter, ~ and . leave it)`,
    `  Free it     ${tool} sol deactivate`,
    `  Boot from   ${tool} chassis bootdev pxe (disk, cdrom, bios)`,
    ...(redfish.port === 0
      ? []
      : [
          `  Redfish     curl -k -u ${quoteWord(ipmi.defaultPassword ? `${user}:${first?.password}` : user)} ${redfishUrl(config)}Systems/1`,
        ]),
    ...(machine.demo
      ? ['', '  The demo guest gives a root shell on its serial console; it asks for no password.']
      : []),
    '',
    ...(fake ? [] : [`  Processes   PM2_HOME=${quoteWord(runFiles(bmc.runDir).pm2Home)} npx pm2 list`]),
    `  State, log  ${bmc.stateDir}`,
    '  Stop        Ctrl-C here; the guest gets time to shut down, a second Ctrl-C takes none',
    ...(installed('ipmitool') ? [] : ['', '  ipmitool is not installed here: apt-get install ipmitool']),
    '',
    '',
  ];
  return lines.join('\n');
}

function installed(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
