import { expect, test } from 'vitest';
import { levelOf, PrivilegeNumber } from '../../../../src/ipmi/message/privilege.ts';

test('levels have the numbers of IPMI 2.0 Table 22-18, both ways', () => {
  expect(PrivilegeNumber).toEqual({
    ...{ callback: 1, user: 2, operator: 3, administrator: 4, oem: 5, noAccess: 15 },
  });
  expect([1, 2, 3, 4].map(levelOf)).toEqual(['callback', 'user', 'operator', 'administrator']);
  for (const number of [-1, 0, 5, 6, 15, 256]) expect(levelOf(number)).toBeUndefined();
});
