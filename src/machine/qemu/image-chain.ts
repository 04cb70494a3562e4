/**
 * The files that a disk is made of: its own, and, below it, what that rests on. Read out of the files' headers, so that
 * it can be told whether the machine runs or not. docs/interop/qcow2.rst of QEMU.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { ImageLayer } from '../../bmc/inventory.ts';
import type { DiskConfig } from './config.ts';

const qcow2Magic = 0x514649fb;
/** Longer ones are not told whole: nobody makes them but by mistake. */
const mostLayers = 16;
const longestName = 1023;
const sectorBytes = 512;
/** As stat(2) counts. */
const blockBytes = 512;
const endOfExtensions = 0;
const backingFormatExtension = 0xe2792aca;

interface Header {
  readonly virtualSizeBytes: number;
  /** As the header has it; undefined where the image rests on nothing. */
  readonly backingFile: string | undefined;
  readonly backingFormat: string | undefined;
}

/** The machine's own file first. Below it only what the configuration permits QEMU to open is looked at. */
export function imageChain({
  path,
  format,
  backingFile: mayRest = false,
}: DiskConfig): readonly ImageLayer[] {
  const layers: ImageLayer[] = [];
  let next: { readonly path: string; readonly format: string | undefined } | undefined = { path, format };
  while (next && layers.length < mostLayers) {
    const at: { readonly path: string; readonly format: string | undefined } = next;
    const header = at.format === 'qcow2' ? qcow2Header(at.path) : undefined;
    const allocatedBytes = statOf(at.path)?.allocatedBytes;
    const virtualSizeBytes =
      at.format === 'raw' ? statOf(at.path)?.virtualSizeBytes : header?.virtualSizeBytes;
    layers.push({ file: at.path, format: at.format, virtualSizeBytes, allocatedBytes });
    next =
      header?.backingFile === undefined || !mayRest
        ? undefined
        : { path: resolved(header.backingFile, at.path), format: header.backingFormat };
  }
  return layers;
}

/** Relative names are from where the image is; what is no file, such as `nbd://…` or `json:{…}`, stays as it is. */
function resolved(name: string, from: string): string {
  return isAbsolute(name) || /^[a-z][\w+.-]*:/i.test(name) ? name : join(dirname(from), name);
}

/** Undefined for what cannot be reached. */
function statOf(path: string) {
  try {
    const { size, blocks } = statSync(path);
    return {
      virtualSizeBytes: Math.ceil(size / sectorBytes) * sectorBytes,
      allocatedBytes: blocks * blockBytes,
    };
  } catch {
    return undefined;
  }
}

/** Undefined for what cannot be read, or is no qcow2 image. */
function qcow2Header(path: string): Header | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const start = Buffer.alloc(4096);
    const length = readSync(file, start, 0, start.length, 0);
    if (length < 72 || start.readUInt32BE(0) !== qcow2Magic) return undefined;
    const nameAt = Number(start.readBigUInt64BE(8));
    const nameLength = start.readUInt32BE(16);
    const hasName = nameAt !== 0 && nameLength > 0 && nameLength <= longestName;
    const name = Buffer.alloc(hasName ? nameLength : 0);
    if (hasName && readSync(file, name, 0, nameLength, nameAt) !== nameLength) return undefined;
    return {
      virtualSizeBytes: Number(start.readBigUInt64BE(24)),
      backingFile: hasName ? name.toString('utf8') : undefined,
      backingFormat: backingFormatOf(start.subarray(0, length)),
    };
  } finally {
    closeSync(file);
  }
}

/** Version 2 has a header of 72 bytes; version 3 tells how long its own is. Extensions follow. */
function backingFormatOf(start: Buffer): string | undefined {
  let at = start.readUInt32BE(4) >= 3 && start.length >= 104 ? start.readUInt32BE(100) : 72;
  while (at + 8 <= start.length) {
    const [kind, length] = [start.readUInt32BE(at), start.readUInt32BE(at + 4)];
    if (kind === endOfExtensions) return undefined;
    if (kind === backingFormatExtension) return start.toString('utf8', at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}
