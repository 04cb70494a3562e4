declare module '@novnc/novnc' {
  /** What noVNC needs of a line: a WebSocket, or what behaves like one. */
  export interface RawChannel {
    send(data: Uint8Array<ArrayBuffer>): void;
    close(): void;
    binaryType: string;
    onerror: ((event: unknown) => void) | null;
    onmessage: ((event: { readonly data: ArrayBuffer }) => void) | null;
    onopen: (() => void) | null;
    onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
    readonly protocol: string;
    readonly readyState: number;
  }

  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, channel: RawChannel, options?: { readonly shared?: boolean });
    viewOnly: boolean;
    scaleViewport: boolean;
    clipViewport: boolean;
    resizeSession: boolean;
    showDotCursor: boolean;
    focusOnClick: boolean;
    background: string;
    qualityLevel: number;
    compressionLevel: number;
    disconnect(): void;
    focus(options?: FocusOptions): void;
    blur(): void;
    sendCtrlAltDel(): void;
    sendKey(keysym: number, code: string, down?: boolean): void;
    toBlob(callback: (blob: Blob | null) => void, type?: string): void;
  }
}
