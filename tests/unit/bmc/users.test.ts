import { describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { Users } from '../../../src/bmc/users.ts';

const admin = { name: 'admin', password: 'password', limit: 'administrator' } as const;

describe('users', () => {
  it('take slots from 2 on, since slot 1 is the null user', () => {
    const users = new Users([admin, { ...admin, name: 'guest', limit: 'user', sol: false }]);
    expect(
      users.list().map(({ id, name, limit, sol, enabled }) => ({ id, name, limit, sol, enabled })),
    ).toEqual([
      { id: 2, name: 'admin', limit: 'administrator', sol: true, enabled: true },
      { id: 3, name: 'guest', limit: 'user', sol: false, enabled: true },
    ]);
    expect(users.get(1)).toBeUndefined();
  });

  it('are found by their whole name only, and never by the empty one', () => {
    const users = new Users([admin]);
    expect(users.findByName('admin')?.id).toBe(2);
    for (const name of ['', 'Admin', 'admi', 'admin\0']) expect(users.findByName(name)).toBeUndefined();
  });

  it.each([
    ['an empty name', { ...admin, name: '' }, 'a name has 1 to 16 bytes, not 0'],
    ['a long name', { ...admin, name: 'x'.repeat(17) }, 'not 17'],
    ['a blank in the name', { ...admin, name: 'a b' }, 'visible ASCII'],
    ['an empty password', { ...admin, password: '' }, 'a password has 1 to 20 bytes, not 0'],
    ['a long password', { ...admin, password: 'é'.repeat(11) }, 'not 22'],
  ])('with %s are refused', (_, user, message) => {
    expect(() => new Users([user])).toThrow(BmcError);
    expect(() => new Users([user])).toThrow(message);
  });

  it('of the same name, or more than 15, are refused', () => {
    expect(() => new Users([admin, admin])).toThrow('the name admin is taken');
    const many = Array.from({ length: 16 }, (_, i) => ({ ...admin, name: `u${i}` }));
    expect(() => new Users(many)).toThrow('at most 15, 16 given');
  });
});
