/** `bmc-1_configuration_2026-05-01.json` */
export function backupName(machine: string, now: Date): string {
  const safe = machine.replace(/[^\w.-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '');
  return `${safe || 'machine'}_configuration_${now.toISOString().slice(0, 10)}.json`;
}
