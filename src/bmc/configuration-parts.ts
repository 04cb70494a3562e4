/** The core's parts of the configuration document, in the order in which they are restored. */
import { privilegeLevels } from './actor.ts';
import type { Bmc } from './bmc.ts';
import { bootTargets, firmwares, uefiBootTargets } from './boot.ts';
import type { Configuration, ConfigurationPart } from './configuration.ts';
import { BmcError } from './errors.ts';
import { eventSeverities, pefActions } from './event-filter.ts';
import { type FrontPanelButton, frontPanelButtons } from './front-panel.ts';
import { hostAccessPolicies } from './host-access.ts';
import { destinationCount } from './lan-settings.ts';
import { type MachineWishes, machineLimits } from './machine-settings.ts';
import {
  alertRules,
  alertStringCount,
  filterCount,
  maxAlertStringBytes,
  policyCount,
} from './pef-settings.ts';
import { powerLimitActions } from './power-limit.ts';
import { restorePolicies } from './power-record.ts';
import { AnalogSensor } from './sensors/analog-sensor.ts';
import { thresholdNames } from './sensors/sensor.ts';
import { boolean, list, map, nullable, number, oneOf, record, some, text, whole } from './shapes.ts';
import { bitRates } from './sol-settings.ts';
import { maxNameBytes, maxUsers, nullUserId } from './user.ts';
import { passwordDaysLimits } from './users.ts';

export function addCoreParts(configuration: Configuration, bmc: Bmc): void {
  configuration.add('users', users(bmc));
  configuration.add('passwords', passwords(bmc));
  configuration.add('machine', machine(bmc));
  configuration.add('sensors', sensors(bmc));
  configuration.add('lan', lan(bmc));
  configuration.add('sol', sol(bmc));
  configuration.add('hostAccess', hostAccess(bmc));
  configuration.add('pef', pef(bmc));
  configuration.add('power', power(bmc));
  configuration.add('bootOverride', bootOverride(bmc));
  configuration.add('frontPanel', frontPanel(bmc));
  configuration.add('clock', clock(bmc));
  configuration.add('asset', asset(bmc));
}

/** Lets inference find the type of the settings. */
function part<T>(made: ConfigurationPart<T>): ConfigurationPart<T> {
  return made;
}

/** What JavaScript's dates reach to, in milliseconds. */
const mostTime = 8_640_000_000_000_000;
const limit = oneOf([...privilegeLevels, 'no-access']);

function users({ users: all }: Bmc) {
  const shape = list(
    record(
      {
        id: whole(nullUserId + 1, maxUsers),
        name: text(maxNameBytes),
        enabled: boolean,
        limit,
        sol: boolean,
        messaging: boolean,
        redfish: boolean,
        linkAuthentication: boolean,
        callbackOnly: boolean,
        sessionLimit: whole(0, 15),
        passwordChangeRequired: boolean,
        passwordExpiresAt: nullable(whole(0, mostTime)),
      },
      { passwordExpiresAt: null },
    ),
  );
  return part({
    shape,
    read: () => all.list().map(({ password: _, passwordSize: __, ...shown }) => shown),
    check: (wanted, at) => all.checkList(wanted, at),
    write: (wanted, actor) => all.replaceList(wanted, actor),
  });
}

/** Of those that are set from then on. */
function passwords({ users: all }: Bmc) {
  return part({
    shape: record({ days: nullable(whole(...passwordDaysLimits)) }),
    read: () => ({ days: all.passwordDays ?? null }),
    write: ({ days }, actor) => all.setPasswordDays(days ?? undefined, actor),
  });
}

function hostAccess({ hostAccess: access }: Bmc) {
  return part({
    shape: record({ policy: oneOf(hostAccessPolicies) }),
    read: () => ({ policy: access.policy }),
    // Where there is no interface there is nothing to permit, and nothing else of the document depends on it.
    write({ policy }, actor) {
      if (access.fitted) access.set(policy, actor);
    },
  });
}

function machine({ machineSettings }: Bmc) {
  const hardware = {
    cpus: whole(...machineLimits.cpus),
    sockets: whole(...machineLimits.sockets),
    threadsPerCore: whole(...machineLimits.threadsPerCore),
    memoryMb: whole(...machineLimits.memoryMb),
    firmware: oneOf(firmwares),
    secureBoot: boolean,
    networkBoot: boolean,
    tpm: boolean,
    bootOrder: list(text(64)),
  };
  const nothing = Object.fromEntries(Object.keys(hardware).map((name) => [name, undefined]));
  return part<MachineWishes>({
    shape: some(hardware),
    read: () => machineSettings.wishes,
    write: (wishes, actor) => machineSettings.set({ ...nothing, ...wishes }, actor),
  });
}

const enables = record({
  scanning: boolean,
  events: boolean,
  assertions: list(text(64)),
  deassertions: list(text(64)),
});
const analogShape = record({
  thresholds: some(Object.fromEntries(thresholdNames.map((name) => [name, number]))),
  hysteresis: record({ positive: number, negative: number }),
  enables,
});
const discreteShape = record({ enables });

/** Those that are not as they were delivered; all others are as delivered afterwards. */
function sensors({ sensors: all }: Bmc) {
  const isOther = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  return part({
    shape: map((value, at) => {
      const sensor = all.find(at.slice(at.lastIndexOf('.') + 1));
      if (!sensor) throw new BmcError('bad-argument', `${at}: there is no such sensor`);
      return sensor instanceof AnalogSensor ? analogShape(value, at) : discreteShape(value, at);
    }),
    read: () =>
      Object.fromEntries(
        all
          .list()
          .filter((sensor) => isOther(sensor.settings, sensor.factorySettings))
          .map((sensor) => [sensor.definition.key, sensor.settings]),
      ),
    write(settings, actor) {
      for (const sensor of all.list()) {
        const wanted = settings[sensor.definition.key] ?? sensor.factorySettings;
        if (isOther(sensor.settings, wanted)) sensor.configure(wanted, actor);
      }
    },
  });
}

function lan({ lan: settings }: Bmc) {
  const shape = record({
    access: record({
      mode: oneOf(['disabled', 'always']),
      alerting: boolean,
      perMessageAuthentication: boolean,
      userLevelAuthentication: boolean,
      limit: oneOf(privilegeLevels),
    }),
    suiteLimits: map(limit),
    md5Levels: list(oneOf(privilegeLevels)),
    destinations: list(
      record({
        acknowledged: boolean,
        retryIntervalS: whole(0, 255),
        retries: whole(0, 7),
        address: text(45),
        backupGateway: boolean,
        mac: text(17),
      }),
      destinationCount + 1,
    ),
    badPasswords: record({
      threshold: whole(0, 255),
      event: boolean,
      forgetAfterS: whole(0, 655_350),
      lockoutS: whole(0, 655_350),
    }),
  });
  return part({
    shape,
    read() {
      const { access, suiteLimits, md5Levels, destinations, badPasswords } = settings.configuration;
      return { access, suiteLimits, md5Levels, destinations, badPasswords };
    },
    write(wanted, actor) {
      settings.update(wanted, actor);
      settings.setAccess(wanted.access, actor);
    },
  });
}

function sol({ sol: settings }: Bmc) {
  return part({
    shape: record({
      enabled: boolean,
      forceEncryption: boolean,
      forceAuthentication: boolean,
      privilege: oneOf(privilegeLevels),
      accumulateMs: whole(5, 1275),
      sendThreshold: whole(0, 255),
      retryCount: whole(0, 7),
      retryIntervalMs: whole(0, 2550),
      bitRate: oneOf(bitRates),
    }),
    read: () => settings.configuration,
    write: (wanted, actor) => settings.update(wanted, actor),
  });
}

const byte = whole(0, 0xff);
const match = record({ mask: byte, exact: byte, value: byte });
const pefShape = record({
  enabled: boolean,
  logActions: boolean,
  startupDelayEnabled: boolean,
  alertStartupDelayEnabled: boolean,
  startupDelayS: byte,
  alertStartupDelayS: byte,
  allowedActions: list(oneOf(pefActions)),
  filters: list(
    record({
      enabled: boolean,
      preconfigured: boolean,
      actions: list(oneOf(pefActions)),
      policyNumber: whole(0, 15),
      severity: oneOf(eventSeverities),
      generatorAddress: nullable(byte),
      generatorChannel: nullable(byte),
      sensorType: nullable(byte),
      sensorNumber: nullable(byte),
      trigger: nullable(byte),
      offsets: whole(0, 0xffff),
      data: list(match, 3),
    }),
    filterCount,
  ),
  policies: list(
    record({
      enabled: boolean,
      policyNumber: whole(0, 15),
      rule: oneOf(alertRules),
      channel: whole(0, 15),
      destination: whole(0, 15),
      eventSpecificString: boolean,
      stringSelector: whole(0, 127),
    }),
    policyCount,
  ),
  alertGuidHex: nullable(text(32)),
  strings: list(text(maxAlertStringBytes), alertStringCount),
  stringKeys: list(record({ filterNumber: whole(0, 127), set: whole(0, 127) }), alertStringCount),
});
type PefDocument = ReturnType<typeof pefShape>;

function pef({ pef: filtering }: Bmc) {
  const orNull = <T>(value: T | undefined): T | null => value ?? null;
  const orUndefined = <T>(value: T | null): T | undefined => value ?? undefined;
  return part<PefDocument>({
    shape: pefShape,
    read() {
      const { settings } = filtering;
      return {
        ...settings,
        filters: settings.filters.map((filter) => ({
          ...filter,
          generatorAddress: orNull(filter.generatorAddress),
          generatorChannel: orNull(filter.generatorChannel),
          sensorType: orNull(filter.sensorType),
          sensorNumber: orNull(filter.sensorNumber),
          trigger: orNull(filter.trigger),
        })),
        alertGuidHex: orNull(settings.alertGuidHex),
      };
    },
    check({ alertGuidHex: guid }, at) {
      if (guid === null || /^[0-9a-f]{32}$/.test(guid)) return;
      throw new BmcError('bad-argument', `${at}.alertGuidHex: 32 hexadecimal digits, not ${guid}`);
    },
    write(wanted, actor) {
      filtering.update(
        {
          ...wanted,
          filters: wanted.filters.map(({ data, ...filter }) => {
            const [first, second, third] = data;
            if (!first || !second || !third) throw new RangeError('three bytes of event data');
            return {
              ...filter,
              generatorAddress: orUndefined(filter.generatorAddress),
              generatorChannel: orUndefined(filter.generatorChannel),
              sensorType: orUndefined(filter.sensorType),
              sensorNumber: orUndefined(filter.sensorNumber),
              trigger: orUndefined(filter.trigger),
              data: [first, second, third],
            };
          }),
          alertGuidHex: orUndefined(wanted.alertGuidHex),
        },
        actor,
      );
    },
  });
}

function power({ power: settings, powerLimit }: Bmc) {
  return part({
    shape: record({
      restorePolicy: oneOf(restorePolicies),
      cycleOffMs: whole(0, 255_000),
      // Null where the power cannot be held down.
      limit: nullable(
        record({
          active: boolean,
          watts: whole(0, 0xffff),
          correctionMs: whole(1, 0xffff_ffff),
          samplingSeconds: whole(1, 0xffff),
          action: oneOf(powerLimitActions),
        }),
      ),
    }),
    read: () => ({
      restorePolicy: settings.restorePolicy,
      cycleOffMs: settings.cycleOffMs,
      limit: powerLimit.supported ? { active: powerLimit.active, ...powerLimit.setting } : null,
    }),
    write({ restorePolicy, cycleOffMs, limit: wanted }, actor) {
      if (wanted) {
        const { active, ...setting } = wanted;
        powerLimit.set(setting, actor);
        if (active) powerLimit.activate(actor);
        else powerLimit.deactivate(actor);
      }
      settings.setRestorePolicy(restorePolicy, actor);
      settings.setCycleOffMs(cycleOffMs, actor);
    },
  });
}

/** One that lasts; what is for the next boot alone is no setting, and those of UEFI name entries of one machine. */
function bootOverride({ boot }: Bmc) {
  const targets = bootTargets.filter((target) => !(uefiBootTargets as readonly string[]).includes(target));
  return part({
    shape: nullable(record({ target: oneOf(targets), firmware: nullable(oneOf(firmwares)) })),
    read() {
      const { override } = boot;
      const target = targets.find((each) => each === override?.target);
      if (!override?.persistent || target === undefined) return null;
      return { target, firmware: override.firmware ?? null };
    },
    write(wanted, actor) {
      const firmware = wanted?.firmware ?? undefined;
      boot.set(
        wanted ? { target: wanted.target, persistent: true, ...(firmware && { firmware }) } : undefined,
        actor,
      );
    },
  });
}

function frontPanel({ frontPanel: panel }: Bmc) {
  return part<{ readonly disabled: readonly FrontPanelButton[] }>({
    shape: record({ disabled: list(oneOf(frontPanelButtons)) }),
    read: () => ({ disabled: frontPanelButtons.filter((button) => panel.disabled.has(button)) }),
    write: ({ disabled }, actor) => panel.disable(new Set(disabled), actor),
  });
}

function clock({ sel }: Bmc) {
  return part({
    shape: record({ utcOffsetMinutes: nullable(whole(-1440, 1440)) }),
    read: () => ({ utcOffsetMinutes: sel.utcOffsetMinutes ?? null }),
    write: ({ utcOffsetMinutes: minutes }, actor) => sel.setUtcOffset(minutes ?? undefined, actor),
  });
}

function asset({ asset: names }: Bmc) {
  return part({
    shape: record({ tag: text(126), controllerName: text(126) }),
    read: () => ({ tag: names.tag, controllerName: names.controllerName }),
    write({ tag, controllerName }, actor) {
      names.setTag(tag, actor);
      names.setControllerName(controllerName, actor);
    },
  });
}
