import { describe, expect, it } from 'vitest';
import { isAffected } from '../../../../src/web/api/affected.ts';

const changed = (uri: string) => ({
  MessageId: 'ResourceEvent.1.4.ResourceChanged',
  OriginOfCondition: { '@odata.id': uri },
});
const created = (uri: string) => ({ ...changed(uri), MessageId: 'ResourceEvent.1.4.ResourceCreated' });
const root = '/redfish/v1';

describe('what an event makes old', () => {
  it.each([
    ['the resource itself', `${root}/Systems/1`, changed(`${root}/Systems/1`)],
    ['a property of it', `${root}/Systems/1`, changed(`${root}/Systems/1#/Boot`)],
    ['it, with a query', `${root}/Systems/1?$select=Boot`, changed(`${root}/Systems/1/`)],
    [
      'a collection that shows it whole',
      `${root}/Chassis/1/Sensors?$expand=.`,
      changed(`${root}/Chassis/1/Sensors/fan1`),
    ],
    [
      'a collection that it came into',
      `${root}/AccountService/Accounts`,
      created(`${root}/AccountService/Accounts/5`),
    ],
    [
      'the log that has a new entry',
      `${root}/Managers/1/LogServices/EventLog/Entries?$skip=3`,
      {
        MessageId: 'QemuBmc.1.0.PowerOn',
        OriginOfCondition: { '@odata.id': `${root}/Systems/1` },
        LogEntry: { '@odata.id': `${root}/Managers/1/LogServices/EventLog/Entries/9` },
      },
    ],
    [
      'the audit log, which shows entries of the event log',
      `${root}/Managers/1/LogServices/AuditLog/Entries`,
      {
        MessageId: 'QemuBmc.1.0.Configuration',
        OriginOfCondition: { '@odata.id': `${root}/Managers/1` },
        LogEntry: { '@odata.id': `${root}/Managers/1/LogServices/EventLog/Entries/9` },
      },
    ],
  ])('is %s', (_, uri, record) => {
    expect(isAffected(uri, record)).toBe(true);
  });

  it.each([
    ['what is below it', `${root}/Systems/1/Bios`, changed(`${root}/Systems/1`)],
    ['what begins like it', `${root}/Systems/10`, changed(`${root}/Systems/1`)],
    ['a far ancestor', `${root}/Systems/1`, changed(`${root}/Systems/1/EthernetInterfaces/nic0`)],
    [
      'another log',
      `${root}/Systems/1/LogServices/SEL/Entries`,
      changed(`${root}/Managers/1/LogServices/EventLog`),
    ],
    ['anything, without an origin', `${root}/Systems/1`, { MessageId: 'A.1.0.B' }],
  ])('is not %s', (_, uri, record) => {
    expect(isAffected(uri, record)).toBe(false);
  });
});
