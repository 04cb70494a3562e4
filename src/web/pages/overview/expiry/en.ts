export const en = {
  password: {
    soon: (ago: string, time: string) => `Your password expires ${ago}, on ${time}.`,
    over: (time: string) => `Your password has expired on ${time}.`,
  },
  changePassword: 'Change it',
  certificate: {
    soon: (ago: string, time: string) => `The HTTPS certificate expires ${ago}, on ${time}.`,
    over: (time: string) =>
      `The HTTPS certificate has expired on ${time}. Clients that check it refuse this BMC.`,
  },
  replaceCertificate: 'Replace it',
};
