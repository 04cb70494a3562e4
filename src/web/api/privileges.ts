/** What the user may do, as the role says. The service decides; this only keeps buttons from promising too much. */
import { useSyncExternalStore } from 'react';
import { useResource } from './queries.ts';
import type { Resource } from './schema.ts';
import { type LoggedIn, session } from './session.ts';

export type Privilege =
  | 'Login'
  | 'ConfigureComponents'
  | 'ConfigureManager'
  | 'ConfigureUsers'
  | 'ConfigureSelf';

interface Role extends Resource {
  readonly AssignedPrivileges?: readonly Privilege[];
}

/** Undefined while nobody is logged in. */
export function useWho(): LoggedIn | undefined {
  const state = useSyncExternalStore(session.subscribe, session.current);
  return 'who' in state ? state.who : undefined;
}

/** @returns false, too, until the role is known */
export function useMay(privilege: Privilege): boolean {
  return useRole()?.AssignedPrivileges?.includes(privilege) ?? false;
}

/** @returns true only when the role is known and forbids it: what is said of that must not flash up before */
export function useMayNot(privilege: Privilege): boolean {
  const role = useRole();
  return role !== undefined && !role.AssignedPrivileges?.includes(privilege);
}

function useRole(): Role | undefined {
  const who = useWho();
  return useResource<Role>(who && `/redfish/v1/AccountService/Roles/${who.roleId}`).data;
}
