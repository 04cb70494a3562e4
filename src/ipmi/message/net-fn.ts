/** Network function codes of requests; a response's is one higher. IPMI 2.0 §5.1, Table 5-1. */
export const NetFn = {
  chassis: 0x00,
  bridge: 0x02,
  sensorEvent: 0x04,
  app: 0x06,
  firmware: 0x08,
  storage: 0x0a,
  transport: 0x0c,
  groupExtension: 0x2c,
  oemGroup: 0x2e,
} as const;
export type NetFn = (typeof NetFn)[keyof typeof NetFn];
