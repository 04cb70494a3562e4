/** The reference page of the IPMI commands, made from their definitions. `npm run gen` writes it. */
import { NetFn } from '../message/net-fn.ts';
import type { CommandDefinition } from './command.ts';
import { ipmiCommands } from './commands.ts';

const netFnTitles: Readonly<Record<number, string>> = {
  [NetFn.chassis]: 'Chassis',
  [NetFn.bridge]: 'Bridge',
  [NetFn.sensorEvent]: 'Sensor/Event',
  [NetFn.app]: 'App',
  [NetFn.firmware]: 'Firmware',
  [NetFn.storage]: 'Storage',
  [NetFn.transport]: 'Transport',
  [NetFn.groupExtension]: 'Group extension',
  [NetFn.oemGroup]: 'OEM group',
};

/** @returns path and content of each generated file */
export function ipmiReferenceFiles(): [path: string, content: string][] {
  return [['docs/reference/ipmi.md', ipmiReferencePage(ipmiCommands.definitions)]];
}

/** @returns Markdown, a table for each network function, its commands by number */
export function ipmiReferencePage(definitions: readonly CommandDefinition[]): string {
  const netFns = [...new Set(definitions.map(({ netFn }) => netFn))].sort((a, b) => a - b);
  const tables = netFns.flatMap((netFn) => [
    `## ${netFnTitles[netFn] ?? 'Other'} (${hex(netFn)})`,
    '',
    '| Command | Name | Least privilege | Channels | Specification |',
    '|---|---|---|---|---|',
    ...definitions
      .filter((definition) => definition.netFn === netFn)
      .sort((a, b) => (a.group ?? 0) - (b.group ?? 0) || a.cmd - b.cmd)
      .map(row),
    '',
  ]);
  return [
    '# IPMI commands',
    '',
    'Made by `npm run gen` from the tables in `src/ipmi/commands/`; change it there.',
    '',
    `This BMC knows ${definitions.length} commands. Any other is answered C1h. A command below the session’s privilege`,
    'level is answered D4h; `none` means that it may also be sent before a session is open. On the system interface,',
    'where there are no sessions, `ipmi.kcsPolicy` decides instead of the privilege. Numbers are hexadecimal; behind a',
    'slash stands the group, the first byte of request and response.',
    '',
    ...tables,
  ].join('\n');
}

function row({ name, cmd, group, privilege, systemInterfaceOnly, spec }: CommandDefinition): string {
  const number = group === undefined ? hex(cmd) : `${hex(cmd)} / ${hex(group)}`;
  const channels = systemInterfaceOnly ? 'system interface' : 'all';
  return `| ${[number, name, privilege, channels, spec].map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
}

function hex(value: number): string {
  return `${value.toString(16).toUpperCase().padStart(2, '0')}h`;
}
