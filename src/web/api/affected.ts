/** Which of the resources that were read are out of date after an event. */
import type { EventRecord } from './events.ts';

/**
 * @param uri of a query, with its query string: `/redfish/v1/Chassis/1/Sensors?$expand=.`
 * @returns whether what it answered may have changed by what the event tells
 */
export function isAffected(
  uri: string,
  { MessageId: id, OriginOfCondition, LogEntry }: EventRecord,
): boolean {
  const [path = '', query = ''] = withoutFragment(uri).split('?');
  const own = trimmed(path);
  if (LogEntry) {
    const log = parentOf(trimmed(LogEntry['@odata.id']));
    if (log === own || others[log]?.includes(own)) return true;
  }
  if (!OriginOfCondition) return false;
  const origin = trimmed(withoutFragment(OriginOfCondition['@odata.id']));
  if (origin === own) return true;
  const isAncestor = origin.startsWith(`${own}/`);
  if (!isAncestor) return false;
  // A collection gains or loses a member; its parent may count it.
  if (/\.Resource(Created|Removed)$/.test(id)) return own === parentOf(origin) || expands(query);
  return expands(query) || own === parentOf(origin);
}

/** Logs that show the entries of another one, too. */
const others: Readonly<Record<string, readonly string[]>> = {
  '/redfish/v1/Managers/1/LogServices/EventLog/Entries': [
    '/redfish/v1/Managers/1/LogServices/AuditLog/Entries',
  ],
};

function expands(query: string): boolean {
  return query.includes('$expand') || query.includes('%24expand');
}

function withoutFragment(uri: string): string {
  return uri.split('#')[0] ?? '';
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, '');
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
