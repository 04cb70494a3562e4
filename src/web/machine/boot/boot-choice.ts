/** A boot override as the user chooses it, and as Redfish and ipmitool are told. */

export interface BootChoice {
  /** Of BootSourceOverrideTarget; `None` for no override. */
  readonly target: string;
  readonly enabled: 'Once' | 'Continuous';
  readonly mode: 'UEFI' | 'Legacy';
  /** What a target of UEFI boots: a URI, a device path, the name of an entry. */
  readonly what?: string;
}

const choiceNames = {
  UefiHttp: 'HttpBootUri',
  UefiTarget: 'UefiTargetBootSourceOverride',
  UefiBootNext: 'BootNext',
} as const;

/** @returns the property that says what a target boots; undefined where the target says it all */
export function choiceName(target: string): (typeof choiceNames)[keyof typeof choiceNames] | undefined {
  return choiceNames[target as keyof typeof choiceNames];
}

/** Legacy firmware knows nothing of it. */
export function isUefiOnly(target: string): boolean {
  return target.startsWith('Uefi');
}

/** The body of a PATCH of the system. */
export function bootPatch({
  target,
  enabled,
  mode,
  what = '',
}: BootChoice): Readonly<Record<string, unknown>> {
  if (target === 'None')
    return { Boot: { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None' } };
  const name = choiceName(target);
  return {
    Boot: {
      BootSourceOverrideTarget: target,
      BootSourceOverrideEnabled: enabled,
      BootSourceOverrideMode: isUefiOnly(target) ? 'UEFI' : mode,
      ...(name && { [name]: what === '' ? null : what }),
    },
  };
}

const devices: Readonly<Record<string, string>> = {
  None: 'none',
  Pxe: 'pxe',
  Hdd: 'disk',
  Cd: 'cdrom',
  Floppy: 'floppy',
  BiosSetup: 'bios',
  Diags: 'diag',
  Recovery: 'safe',
};

/** @returns words for ipmitool; undefined for a target that it has no word for */
export function ipmiBoot({ target, enabled, mode }: BootChoice): readonly string[] | undefined {
  const device = devices[target];
  if (device === undefined) return undefined;
  const options = [
    ...(mode === 'UEFI' ? ['efiboot'] : []),
    ...(enabled === 'Continuous' ? ['persistent'] : []),
  ];
  const isPlain = target === 'None' || options.length === 0;
  return ['chassis', 'bootdev', device, ...(isPlain ? [] : [`options=${options.join(',')}`])];
}
