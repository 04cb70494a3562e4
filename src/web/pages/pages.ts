/**
 * Every page, in the order of the navigation. A new page is a folder with a `page.ts` and one line here. Labs, images and
 * deployments become sections beside the machine.
 */
import { console } from './console/page.ts';
import { hardware } from './hardware/page.ts';
import { logs } from './logs/page.ts';
import { mediaBoot } from './media-boot/page.ts';
import { overview } from './overview/page.ts';
import type { Section } from './page-definition.ts';
import { settings } from './settings/page.ts';

export const sections: readonly Section[] = [
  {
    title: { en: 'Machine', ja: 'マシン' },
    pages: [overview, console, mediaBoot, hardware, logs, settings],
  },
];

export const pages = sections.flatMap((section) => section.pages);
