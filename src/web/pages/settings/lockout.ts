/** The policy against guessing passwords, as the form has it. Times in seconds, as text. */
export interface Lockout {
  /** Wrong passwords until the account is locked; 0: never. */
  readonly threshold: string;
  /** 0: until an administrator ends it. */
  readonly duration: string;
  /** 0: wrong passwords are never forgotten. */
  readonly resetAfter: string;
  readonly basicAuth: string;
  /** Days; empty: new passwords never expire. */
  readonly passwordDays: string;
}

/** The body of a PATCH of the account service. */
export function lockoutBody({ threshold, duration, resetAfter, basicAuth, passwordDays }: Partial<Lockout>) {
  return {
    ...(threshold !== undefined && { AccountLockoutThreshold: Number(threshold) }),
    ...(duration !== undefined && {
      AccountLockoutDuration: Number(duration) === 0 ? null : Number(duration),
    }),
    ...(resetAfter !== undefined && { AccountLockoutCounterResetAfter: Number(resetAfter) }),
    ...(basicAuth !== undefined && { HTTPBasicAuth: basicAuth }),
    ...(passwordDays !== undefined && {
      PasswordExpirationDays: passwordDays === '' ? null : Number(passwordDays),
    }),
  };
}
