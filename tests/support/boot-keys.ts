/** Keys of secure boot of our own, and programs signed by them. Needs openssl and sbsign (package sbsigntool). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled } from './efi-disk.ts';

/** Why there can be none; undefined where they can be made. */
export const noBootKeys = ['openssl', 'sbsign'].every(isInstalled)
  ? undefined
  : 'openssl or sbsigntool are missing';

export interface OwnKey {
  /** PEM. */
  readonly certificate: string;
  /** @returns the path of a copy of the program that is signed by this key */
  sign(program: string): string;
}

/** @param folder where its files are made */
export function makeBootKey(folder: string, name: string): OwnKey {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', '30'];
  execFileSync('openssl', [...made, '-subj', `/CN=${name}`, '-keyout', key, '-out', certificate], {
    stdio: 'pipe',
  });
  return {
    certificate: readFileSync(certificate, 'latin1'),
    sign(program) {
      const signed = `${program}.signed`;
      execFileSync('sbsign', ['--key', key, '--cert', certificate, '--output', signed, program], {
        stdio: 'pipe',
      });
      return signed;
    },
  };
}
