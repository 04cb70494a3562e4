/** Asks, if there is reason to, then resets; one place for the power buttons of every page and for the palette. */
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { usePost, useResource } from '../api/queries.ts';
import { type ComputerSystem, uris } from '../api/schema.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { useTellFailure } from '../ui/tell-failure.ts';
import { type Reset, type ResetType, resets } from './resets.ts';
import { useShellLines } from './use-shell-lines.ts';
import { useMachineWords } from './words.ts';

export interface PendingReset {
  readonly type: ResetType;
  /** Milliseconds since 1970. */
  readonly since: number;
}

interface Resetting {
  /** Confirms first, in proportion. */
  request(type: ResetType): void;
  /** Accepted, and the machine has not changed yet: a guest takes its time to shut down. */
  readonly pending: PendingReset | undefined;
  readonly busy: boolean;
}

const ResetContext = createContext<Resetting | undefined>(undefined);

export function useResets(): Resetting {
  const resetting = useContext(ResetContext);
  if (!resetting) throw new Error('useResets needs a ResetProvider above it');
  return resetting;
}

/** A guest that has not followed by then does not follow any more. */
const givenUpMs = 120_000;

export function ResetProvider({ children }: { readonly children: ReactNode }) {
  const words = useMachineWords();
  const tellFailure = useTellFailure();
  const linesOf = useShellLines();
  const { data: system } = useResource<ComputerSystem>(uris.system);
  const target = system?.Actions?.['#ComputerSystem.Reset']?.target;
  const post = usePost(target);
  const [asking, setAsking] = useState<ResetType>();
  const [pending, setPending] = useState<PendingReset>();
  const changed = `${system?.PowerState} ${system?.LastResetTime}`;

  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever changed, the wait is over
  useEffect(() => setPending(undefined), [changed]);
  useEffect(() => {
    if (!pending) return;
    const timer = setTimeout(() => setPending(undefined), givenUpMs);
    return () => clearTimeout(timer);
  }, [pending]);

  function send(type: ResetType) {
    post.mutate(
      { ResetType: type },
      {
        onSuccess: () => {
          setAsking(undefined);
          if (type === 'GracefulShutdown' || type === 'GracefulRestart' || type === 'PushPowerButton') {
            setPending({ type, since: Date.now() });
          }
        },
        onError(error) {
          if (!asking) tellFailure(words.resetFailed(words.resets[type]), error);
        },
      },
    );
  }

  function request(type: ResetType) {
    post.reset();
    const { ask }: Reset = resets[type];
    if (ask === 'none') send(type);
    else setAsking(type);
  }

  const reset: Reset | undefined = asking && resets[asking];
  return (
    <ResetContext value={{ request, pending, busy: post.isPending }}>
      {children}
      {asking && (
        <ConfirmDialog
          open
          title={words.questions[asking] ?? words.resets[asking]}
          description={words.consequences[asking]}
          action={words.resets[asking]}
          level={reset?.ask === 'danger' ? 'danger' : 'calm'}
          busy={post.isPending}
          error={post.error}
          onClose={() => setAsking(undefined)}
          onConfirm={() => send(asking)}
          lines={
            target === undefined
              ? undefined
              : linesOf({
                  method: 'POST',
                  uri: target,
                  body: { ResetType: asking },
                  ipmi: reset?.ipmi ? ['chassis', 'power', reset.ipmi] : undefined,
                })
          }
        />
      )}
    </ResetContext>
  );
}
