/** LAN configuration parameters about logins: authentication types, cipher suites, bad passwords. IPMI 2.0 Table 23-4. */
import { privilegeLevels } from '../../bmc/actor.ts';
import type { UserLimit } from '../../bmc/user.ts';
import { bits8, bytes, type Codec, reserved, struct, u8, u16le } from '../../lib/codec.ts';
import type { ParameterTable } from '../commands/configuration-parameters.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { levelOf, PrivilegeNumber } from '../message/privilege.ts';
import { change, type LanParameter, setting } from './parameter.ts';

const AuthTypes = bits8(
  ['_reserved', 2],
  ['oem', 1],
  ['password', 1],
  ['_reserved2', 1],
  ['md5', 1],
  ['md2', 1],
  ['none', 1],
);
const onlyMd5 = (md5: boolean) => ({ oem: false, password: false, md5, md2: false, none: false });

/**
 * Four bits for each cipher suite from 0 to 15. The specification counts the entries of parameter 23 instead, yet
 * ipmitool 1.8.19 (`lan set 1 cipher_privs`) and FreeIPMI 1.6 go by the suite's ID. Suites 16 and 17 have no place:
 * what offers them is the configuration.
 */
const suiteLimits: Codec<number[]> = {
  read(reader) {
    reader.u8();
    return Array.from(reader.bytes(8)).flatMap((byte) => [byte & 0x0f, byte >> 4]);
  },
  write(writer, limits) {
    writer.u8(0);
    for (let i = 0; i < suiteLimitCount; i += 2) writer.u8((limits[i] ?? 0) | ((limits[i + 1] ?? 0) << 4));
  },
};

/** 0 in a suite's place means that it is not used. */
function suiteLimitOf(number: number): UserLimit {
  if (number === 0) return 'no-access';
  // The OEM level is above all that there are.
  const limit = number === PrivilegeNumber.oem ? 'administrator' : levelOf(number);
  if (limit) return limit;
  throw new CompletionError(CompletionCode.invalidField, `cipher suite limit ${number}`);
}

const suiteLimitCount = 16;

const tenSeconds = 10;

export const loginParameters: ParameterTable<LanParameter> = {
  1: setting(AuthTypes, ({ lan }) => onlyMd5(lan.ipmi15)),
  2: setting(
    struct({
      callback: AuthTypes,
      user: AuthTypes,
      operator: AuthTypes,
      administrator: AuthTypes,
      oem: AuthTypes,
    }),
    ({ bmc, lan }) => {
      const { md5Levels } = bmc.lan.configuration;
      const at = (level: (typeof privilegeLevels)[number]) =>
        onlyMd5(lan.ipmi15 && md5Levels.includes(level));
      return {
        callback: at('callback'),
        user: at('user'),
        operator: at('operator'),
        administrator: at('administrator'),
        oem: onlyMd5(false),
      };
    },
    (context, enables) => {
      const others = Object.values(enables).some(
        (types) => types.oem || types.password || types.md2 || types.none,
      );
      if (others || enables.oem.md5) {
        throw new CompletionError(CompletionCode.invalidField, 'MD5 is the one authentication type');
      }
      const md5Levels = privilegeLevels.filter((level) => enables[level].md5);
      if (context.lan.ipmi15) change(context, { md5Levels });
      else if (md5Levels.length > 0) {
        throw new CompletionError(CompletionCode.invalidField, 'IPMI 1.5 sessions are off');
      }
    },
  ),
  22: setting(bits8(['_reserved', 3], ['count', 5]), ({ lan }) => ({ count: lan.cipherSuites.length })),
  23: setting(struct({ _reserved: reserved(1), ids: bytes(16) }), ({ lan }) => {
    const ids = new Uint8Array(16);
    ids.set(lan.cipherSuites);
    return { ids };
  }),
  24: setting(
    suiteLimits,
    ({ bmc, lan }) =>
      Array.from({ length: suiteLimitCount }, (_, id) => {
        const offered = lan.cipherSuites.includes(id) ? 'administrator' : 'no-access';
        const limit = bmc.lan.configuration.suiteLimits[id] ?? offered;
        return limit === 'no-access' ? 0 : PrivilegeNumber[limit];
      }),
    // A limit of a suite that is not on offer is kept for when it is: ipmitool 1.8.19 waits until it reads back what
    // it has written, and `cipher_privs Xaaaaaaaaaaaaaa` is what administrators type on any BMC. "Not used", though,
    // is true of such a suite anyway.
    (context, numbers) => {
      const limits = numbers.map((number, id) => [id, suiteLimitOf(number)] as const);
      const told = limits.filter(
        ([id, limit]) => limit !== 'no-access' || context.lan.cipherSuites.includes(id),
      );
      const beyond = Object.entries(context.bmc.lan.configuration.suiteLimits).filter(
        ([id]) => Number(id) >= suiteLimitCount,
      );
      change(context, { suiteLimits: Object.fromEntries([...beyond, ...told]) });
    },
  ),
  26: setting(
    struct({ flags: bits8(['_reserved', 7], ['event', 1]), threshold: u8, forget: u16le, lockout: u16le }),
    ({ bmc }) => {
      const { threshold, event, forgetAfterS, lockoutS } = bmc.lan.configuration.badPasswords;
      return {
        flags: { event },
        threshold,
        forget: forgetAfterS / tenSeconds,
        lockout: lockoutS / tenSeconds,
      };
    },
    (context, { flags: { event }, threshold, forget, lockout }) =>
      change(context, {
        badPasswords: { threshold, event, forgetAfterS: forget * tenSeconds, lockoutS: lockout * tenSeconds },
      }),
  ),
};
