// The little of 64-bit little-endian ELF that the build must read: which
// libraries a program needs, and what a kernel module says about itself.

/** @returns {Map<string, Buffer & {address?: number}>} section name → contents */
function sections(elf) {
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1)
    throw new Error('not a 64-bit ELF file');
  const tableOffset = Number(elf.readBigUInt64LE(0x28));
  const entrySize = elf.readUInt16LE(0x3a);
  const count = elf.readUInt16LE(0x3c);
  const header = (index) => {
    const at = tableOffset + index * entrySize;
    return {
      name: elf.readUInt32LE(at),
      type: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 0x18)),
      size: Number(elf.readBigUInt64LE(at + 0x20)),
    };
  };
  const names = header(elf.readUInt16LE(0x3e));
  const result = new Map();
  const NO_BITS = 8;
  for (let index = 0; index < count; index++) {
    const { name, type, offset, size } = header(index);
    if (type === NO_BITS) continue;
    result.set(cString(elf, names.offset + name), elf.subarray(offset, offset + size));
  }
  return result;
}

function cString(buffer, offset) {
  return buffer.toString('latin1', offset, buffer.indexOf(0, offset));
}

/**
 * Shared libraries that a program or library asks for.
 * @param {Buffer} elf contents of the file
 * @returns {string[]} names such as `libc.so.6`; empty for static programs
 */
export function neededLibraries(elf) {
  const found = sections(elf);
  const dynamic = found.get('.dynamic');
  const strings = found.get('.dynstr');
  const needed = [];
  const DT_NEEDED = 1n;
  for (let at = 0; dynamic && at + 16 <= dynamic.length; at += 16) {
    if (dynamic.readBigUInt64LE(at) === DT_NEEDED)
      needed.push(cString(strings, Number(dynamic.readBigUInt64LE(at + 8))));
  }
  return needed;
}

/**
 * What `modinfo` shows of a kernel module.
 * @param {Buffer} elf contents of the .ko file
 * @returns {{depends: string[], softBefore: string[], aliases: string[]}} module names have `_`, never `-`
 */
export function moduleInfo(elf) {
  const entries = (sections(elf).get('.modinfo') ?? Buffer.alloc(0)).toString('latin1').split('\0');
  const values = (key) =>
    entries.filter((entry) => entry.startsWith(`${key}=`)).map((entry) => entry.slice(key.length + 1));
  const names = (list) =>
    list
      .flatMap((value) => value.split(/[,\s]+/))
      .filter(Boolean)
      .map(moduleName);
  return {
    depends: names(values('depends')),
    softBefore: names(values('softdep').map((value) => /pre:([^:]*?)(?:post:|$)/.exec(value)?.[1] ?? '')),
    aliases: values('alias'),
  };
}

/**
 * Module names are the same with `-` and `_`; this gives the second form.
 * @param {string} name
 * @returns {string}
 */
export function moduleName(name) {
  return name.replaceAll('-', '_');
}
