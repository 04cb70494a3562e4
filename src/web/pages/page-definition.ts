import type { ComponentType } from 'react';
import type { Text } from '../i18n/words.ts';
import type { IconName } from '../ui/icon.tsx';

/** What the navigation, the command palette and the router know of a page before it is loaded. */
export interface PageDefinition {
  /** Its URL: `/machine/<page>`. What is open on it stands behind: `/machine/logs/audit?severity=Warning`. */
  readonly path: string;
  readonly title: Text;
  readonly icon: IconName;
  /** The letter that goes there after `g`. */
  readonly key: string;
  load(): Promise<{ readonly default: ComponentType }>;
  /** Places on the page that the palette finds by name. */
  readonly places?: readonly { readonly title: Text; readonly to: string }[];
}

export interface Section {
  readonly title: Text;
  readonly pages: readonly PageDefinition[];
}
