// Writer of cpio archives in "newc" format, the form in which Linux takes an
// initial file system. Written here because it makes device nodes without root.

const TYPE = { directory: 0o040000, file: 0o100000, symlink: 0o120000, characterDevice: 0o020000 };

/**
 * @typedef {object} CpioEntry
 * @property {keyof typeof TYPE} type
 * @property {number} mode permission bits
 * @property {Buffer} [data] contents of a file, target of a symlink
 * @property {[number, number]} [device] major and minor number
 */

/**
 * Packs entries, all owned by root and sorted by path, so that the same entries
 * always give the same bytes. Parent directories that are not named are added.
 * @param {Map<string, CpioEntry>} entries by path without leading slash
 * @param {number} mtime seconds since 1970 for every entry
 * @returns {Buffer}
 */
export function packCpio(entries, mtime) {
  const all = new Map(entries);
  for (const path of entries.keys()) {
    for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1)) {
      const parent = path.slice(0, end);
      if (!all.has(parent)) all.set(parent, { type: 'directory', mode: 0o755 });
    }
  }
  const parts = [];
  let inode = 1;
  for (const path of [...all.keys()].sort()) parts.push(...record(path, all.get(path), inode++, mtime));
  parts.push(...record('TRAILER!!!', { type: 'file', mode: 0 }, 0, 0));
  return Buffer.concat(parts);
}

function record(path, { type, mode, data = Buffer.alloc(0), device = [0, 0] }, inode, mtime) {
  const links = type === 'directory' ? 2 : 1;
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, TYPE[type] | mode, 0, 0, links, mtime, data.length, 0, 0, ...device, name.length, 0];
  const header = Buffer.from(`070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), data, padding(data.length)];
}

function padding(length) {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
