/** Every bound of the launcher that neither the operator nor the runtime can raise. */
export const LAUNCH_BOUNDS = {
  configBytesMax: 65_536,
  /** sun_path of unix(7), its last zero left out. */
  socketPathBytesMax: 107,
  socketName: 'launcher.sock',
  /** Hosts alive at once, those still ending among them; each has a user of its own. */
  hostsMax: 64,
  /** A Node that has loaded nothing needs about 50 MiB. */
  hostMemoryBytesMin: 67_108_864,
  hostMemoryBytesMax: 2 ** 46,
  /** Tasks of one host: its threads. Node starts about ten. */
  hostPidsMin: 16,
  hostPidsMax: 1_024,
  /** Open descriptors of one host: five for its work, and what Node's event loops need. */
  hostDescriptors: 64,
  /** One request of the runtime. */
  requestBytesMax: 256,
  /** One message to the runtime. */
  messageBytesMax: 16_384,
  /** What the runtime may leave unread before it is hung up on. */
  unreadBytesMax: 262_144,
  /** What the kernel counts about one cgroup. */
  eventsBytesMax: 8_192,
  /** How long a connection waits for the one before it to end: a runtime that comes back may be its own rival. */
  handOverMsMax: 250,
  /** Of what a stage that failed wrote to standard error. */
  complaintBytesMax: 1_024,
  /** From the request to the report of a confined host. */
  startMsMax: 30_000,
  /** The host's FIFOs hold this much, so that large replies flow as fast as through a child's pipes. */
  fifoBytes: 262_144,
  /** How long a cgroup may take to empty after its host died. */
  emptyMsMax: 2_000,
  /** Sensors that one launcher keeps alive, and what each may be given. */
  sensorsMax: 64,
  sensorArgumentsMax: 32,
  sensorArgumentBytesMax: 4_096,
  /** From the launcher's start until executor and sensors answer. */
  serviceStartMsMax: 30_000,
  /** How long one may take to end when it is asked to: the executor carries out the plan that it has begun. */
  serviceEndMsMax: 10_000,
  /** Before one that ended is started again: doubled each time, and forgotten once it lived long enough. */
  restartMsMin: 100,
  restartMsMax: 10_000,
  restartResetMs: 60_000,
} as const;
