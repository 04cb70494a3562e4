export const en = {
  title: 'Log in',
  lead: 'The console of one server, powered on or not.',
  userName: 'User name',
  password: 'Password',
  submit: 'Log in',
  ended: 'Your session has ended. Log in to go on where you were.',
  wrong: 'The name or the password is wrong.',
  wrongRemedy:
    'Names and passwords are those of IPMI and Redfish. Check the keyboard’s layout and Caps Lock.',
  throttled: (seconds: number) => `Too many attempts: try again in ${seconds} s.`,
  expired: 'Choose a new password',
  expiredText: (user: string) =>
    `The password of ${user} must be changed before anything else. It is the password for IPMI, too.`,
  cancel: 'Log in as somebody else',
  language: 'Language',
  theme: 'Appearance',
};
