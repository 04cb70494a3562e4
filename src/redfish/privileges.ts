/** Which operations a definition allows at all, and what each of them needs. */
import type { Action, Operation, Privileges, Resource } from './definition.ts';

/** @param action the action that the path names, which takes POST alone */
export function isAllowed(definition: Resource, action: Action | undefined, operation: Operation): boolean {
  if (action) return operation === 'post';
  switch (operation) {
    case 'get':
      return true;
    case 'patch':
      return definition.patch !== undefined;
    case 'put':
      return false;
    case 'post':
      return definition.create !== undefined || definition.rawPost !== undefined;
    case 'delete':
      return definition.remove !== undefined;
  }
}

/** What is not possible anyway is refused to those who may look. */
export function privilegesFor(
  definition: Resource,
  action: Action | undefined,
  operation: Operation,
): Privileges {
  if (action?.privileges && operation === 'post') return action.privileges;
  return definition.privileges[operation] ?? definition.privileges.get ?? ['Login'];
}
