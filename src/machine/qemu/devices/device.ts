/** The form of a device definition: configuration in, parts of QEMU's command line out, as data. */
import type { BootClass } from '../config.ts';
import type { RunDir } from '../run-dir.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
export type Properties = Readonly<Record<string, Json | undefined>>;

/** What takes no JSON: the values are escaped when rendered. */
export interface Backend {
  readonly backend: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface DeviceParts {
  readonly chardevs?: readonly Backend[];
  readonly tpmdevs?: readonly Backend[];
  readonly objects?: readonly Properties[];
  readonly blockdevs?: readonly Properties[];
  readonly netdevs?: readonly Properties[];
  /** A device with a `bootClass` has an `id` and gets a bootindex. */
  readonly devices?: readonly { readonly properties: Properties; readonly bootClass?: BootClass }[];
}

export interface DeviceDefinition<C> {
  readonly kind: string;
  parts(config: C, run: RunDir): DeviceParts;
}

export function device<C>(definition: DeviceDefinition<C>): DeviceDefinition<C> {
  return definition;
}
