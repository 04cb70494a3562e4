/** What the IPMI face keeps of one BMC beside the core: shared by every channel, LAN and system interface alike. */
import type { Bmc } from '../bmc/bmc.ts';
import { BootOptions } from './boot-options.ts';

export class IpmiState {
  readonly bootOptions: BootOptions;

  constructor(bmc: Bmc) {
    this.bootOptions = new BootOptions(bmc.boot);
  }
}
