/** Ties the event stream to the session and to what was read: the one place where an event becomes a new reading. */
import { useSyncExternalStore } from 'react';
import { isAffected } from './affected.ts';
import { ApiError } from './errors.ts';
import { type EventRecord, EventStream, eventStreamUri, type StreamState } from './events.ts';
import { appended, type MetricReport } from './metric-reports.ts';
import { change, queryClient, uriOfKey } from './queries.ts';
import { client, session } from './session.ts';

const stateListeners = new Set<() => void>();
const eventListeners = new Set<(record: EventRecord) => void>();
const returnListeners = new Set<() => void>();

/** Events of one moment are read together. */
const gatherMs = 15;
let gathered: EventRecord[] = [];

function heard(record: EventRecord): void {
  for (const listener of eventListeners) listener(record);
  if (gathered.push(record) === 1) setTimeout(refresh, gatherMs);
}

function refresh(): void {
  const records = gathered;
  gathered = [];
  void queryClient.invalidateQueries(
    {
      predicate: ({ queryKey }) => {
        const uri = uriOfKey(queryKey);
        // All members of a collection are read whole: a change of one is a change of it.
        const asked = queryKey[2] === 'members' ? `${uri}?$expand=.` : uri;
        return asked !== undefined && records.some((record) => isAffected(asked, record));
      },
    },
    // A reading under way may have begun before the change.
    { cancelRefetch: true },
  );
}

export const stream = new EventStream({
  async open(lastEventId, signal) {
    const headers = { accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': lastEventId }) };
    // Reports of what is measured come only to those who ask for them.
    const filter = "EventFormatType eq 'Event' or EventFormatType eq 'MetricReport'";
    const uri = `${eventStreamUri}?${new URLSearchParams({ $filter: filter })}`;
    const { body } = await client.open('GET', uri, { headers, signal });
    if (!body) throw new ApiError({ kind: 'failed', method: 'GET', uri: eventStreamUri });
    return body;
  },
  heard,
  measured: (report) => change<MetricReport>(report['@odata.id'], (known) => appended(known, report)),
  changed: () => {
    for (const listener of stateListeners) listener();
  },
  returned: () => {
    void queryClient.invalidateQueries();
    for (const listener of returnListeners) listener();
  },
  now: () => Date.now(),
  random: () => Math.random(),
});

/** Keeps the stream open while somebody is logged in, and forgets everything after. @returns ends it */
export function startLive(): () => void {
  const follow = () => {
    const { phase } = session.current();
    if (phase === 'in') return stream.start();
    stream.stop();
    if (phase === 'out') queryClient.clear();
  };
  const retry = () => {
    if (document.visibilityState === 'visible') stream.retryNow();
  };
  follow();
  const unsubscribe = session.subscribe(follow);
  window.addEventListener('online', retry);
  document.addEventListener('visibilitychange', retry);
  return () => {
    unsubscribe();
    window.removeEventListener('online', retry);
    document.removeEventListener('visibilitychange', retry);
    stream.stop();
  };
}

export function useStreamState(): StreamState {
  return useSyncExternalStore(
    (listener) => {
      stateListeners.add(listener);
      return () => stateListeners.delete(listener);
    },
    () => stream.state,
  );
}

/** Hears every event of the service, for what is more than reading anew. @returns ends it */
export function onEvent(listener: (record: EventRecord) => void): () => void {
  eventListeners.add(listener);
  return () => eventListeners.delete(listener);
}

/** Told when the appliance is back after a break: what waits for it need not wait any longer. @returns ends it */
export function onReturn(listener: () => void): () => void {
  returnListeners.add(listener);
  return () => returnListeners.delete(listener);
}
