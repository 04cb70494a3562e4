/** The part of pm2-axon 4 and pm2-axon-rpc 0.7 (both MIT) that we use; they come without types. */
declare module 'pm2-axon' {
  import type { EventEmitter } from 'node:events';

  export interface ReqSocket extends EventEmitter {
    connect(path: string): this;
    set(name: string, value: unknown): this;
    close(): void;
  }
  export function socket(type: 'req'): ReqSocket;
}

declare module 'pm2-axon-rpc' {
  import type { ReqSocket } from 'pm2-axon';

  export class Client {
    constructor(socket: ReqSocket);
    call(method: string, ...argumentsAndCallback: unknown[]): void;
  }
}
