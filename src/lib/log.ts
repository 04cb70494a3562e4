/** The logger every part is handed: pino's interface, fields rather than sentences. */
import type { Logger as PinoLogger } from 'pino';
import { pino } from 'pino';

export type Logger = PinoLogger;

/** A logger that says nothing, for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
