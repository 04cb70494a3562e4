import { useMembers } from '../../api/queries.ts';
import { Badge, toneOfHealth } from '../../ui/badge.tsx';
import { Card, Facts } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { mediaUris, type TrustedComponent } from './schema.ts';
import { useMediaBootWords } from './words.ts';

/** The machine's TPM, if it has one. */
export function TpmCard() {
  const words = useMediaBootWords();
  const components = useMembers<TrustedComponent>(mediaUris.trustedComponents);
  const tpm = components.data?.[0];
  const works = tpm?.Status?.Health === 'OK';
  return (
    <Card
      title={words.tpm}
      aside={
        tpm && (
          <Badge tone={toneOfHealth(tpm.Status?.Health)}>{works ? words.tpmWorks : words.tpmBroken}</Badge>
        )
      }
    >
      {components.isPending && <Skeleton lines={2} />}
      {components.error && !components.data && (
        <ErrorPanel error={components.error} retry={() => void components.refetch()} />
      )}
      {components.data && !tpm && (
        <EmptyState icon="key" title={words.noTpm}>
          {words.noTpmText}
        </EmptyState>
      )}
      {tpm && (
        <Facts
          facts={[
            [words.tpmVersion, tpm.Description],
            [words.tpmType, tpm.TrustedComponentType],
            [words.tpmState, works ? words.tpmWorks : words.tpmFailed],
          ]}
        />
      )}
    </Card>
  );
}
