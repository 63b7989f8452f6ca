import { connectFrames } from '../../executor/wire/frame-client.ts';
import { success, type Result } from '../../executor/result.ts';
import { NEXT, readSample, SOURCE_FAULTS } from './sensor-messages.ts';
import type { SourceFault, TelemetrySource } from './source.ts';

const peer = {
  name: 'sensor',
  command: 'node runtime/telemetry/sensor-main.ts --cgroup PATH --socket PATH',
  unreachable: 'sensor-unreachable',
  codes: SOURCE_FAULTS,
} as const;

/** A sensor process behind its socket. Closing the source leaves the process running. */
export async function connectSensor(socketPath: string): Promise<Result<TelemetrySource, SourceFault>> {
  const client = await connectFrames<SourceFault>(socketPath, peer);
  if (!client.ok) return client;
  return success({ next: () => client.value.ask(NEXT, readSample), close: client.value.close });
}
