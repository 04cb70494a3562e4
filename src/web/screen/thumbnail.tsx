import { useEffect, useState } from 'react';
import { useResource } from '../api/queries.ts';
import { type ComputerSystem, uris } from '../api/schema.ts';
import { client } from '../api/session.ts';
import { useConsoleWords } from '../pages/console/words.ts';
import styles from './thumbnail.module.css';

const screenshotUri = '/redfish/v1/Systems/1/Oem/QemuBmc/Screenshot';
const everyMs = 3000;

/** A picture of the machine's screen, taken anew every few seconds while it can be seen. */
export function ScreenThumbnail() {
  const words = useConsoleWords();
  const isOn = useResource<ComputerSystem>(uris.system).data?.PowerState === 'On';
  /** Null after a vain attempt; undefined before the first. */
  const [picture, setPicture] = useState<string | null>();
  useEffect(() => {
    if (!isOn) return;
    const gone = new AbortController();
    let shown: string | undefined;
    let timer: ReturnType<typeof setTimeout>;
    const show = (url: string | undefined) => {
      if (shown) URL.revokeObjectURL(shown);
      shown = url;
      setPicture(url ?? null);
    };
    const take = async () => {
      if (document.visibilityState === 'visible') {
        try {
          const answer = await client.open('GET', screenshotUri, { signal: gone.signal });
          const blob = await answer.blob();
          if (!gone.signal.aborted) show(URL.createObjectURL(blob));
        } catch {
          if (!gone.signal.aborted) show(undefined);
        }
      }
      if (!gone.signal.aborted) timer = setTimeout(() => void take(), everyMs);
    };
    void take();
    return () => {
      gone.abort();
      clearTimeout(timer);
      if (shown) URL.revokeObjectURL(shown);
      setPicture(undefined);
    };
  }, [isOn]);
  return (
    <div className={styles.box} data-loading={(isOn && picture === undefined) || undefined}>
      {!isOn && words.machineOff}
      {isOn && picture && <img className={styles.picture} src={picture} alt={words.thumbnail} />}
      {isOn && picture === null && words.noPicture}
    </div>
  );
}
