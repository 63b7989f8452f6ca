import { launchChild, type Launch } from '../../../runtime/policy/launch.ts';

/** Starts real hosts and knows how many of them there are. */
export function createCountedLaunch() {
  const launchHost = launchChild();
  const hosts = { started: 0, alive: 0 };
  const launch: Launch = async () => {
    const launched = await launchHost();
    if (!launched.ok) return launched;
    hosts.started++;
    hosts.alive++;
    void launched.value.exited.then(() => hosts.alive--);
    return launched;
  };
  return { hosts, launch };
}
