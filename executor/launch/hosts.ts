import { failure, success, type Failure, type Result } from '../result.ts';
import type { LaunchConfig } from './config.ts';
import type { HostExit, LaunchFault, StartedHost } from './messages.ts';
import { startHost, type LiveHost } from './start-host.ts';

/** The hosts of one runtime. */
export interface HostSession {
  /** Resolves once the host is confined; `gone` once nothing of it is left. */
  start(): Promise<Result<{ readonly started: StartedHost; readonly gone: Promise<HostExit> }, LaunchFault>>;
  opened(host: number): Result<true, LaunchFault>;
  kill(host: number): Result<true, LaunchFault>;
  /** Ends them all. */
  end(): void;
}

export interface Hosts {
  open(): HostSession;
  /** Resolves when every host of every session is gone, asked to or not. */
  settled(): Promise<void>;
}

/** Hosts under one configuration: at most so many at once, each under a user id that no other live one has. */
export function createHosts(config: LaunchConfig, warn: (problem: Failure) => void): Hosts {
  const { uidFirst, countMax } = config.hosts;
  // The id that has been free for longest comes first.
  const freeUids = Array.from({ length: countMax }, (_, at) => uidFirst + at);
  const endings = new Set<Promise<unknown>>();
  let lastHost = 0;

  function launch(): Result<{ host: number; live: LiveHost; gone: Promise<HostExit> }, LaunchFault> {
    const uid = freeUids.shift();
    if (uid === undefined)
      return failure('hosts-exhausted', `${countMax} hosts live already; end one, or raise hosts.countMax`);
    const host = ++lastHost;
    const live = startHost(config, host, uid);
    if (!live.ok) {
      freeUids.push(uid);
      return live;
    }
    const gone = live.value.gone.then(({ exit, clean }) => {
      // What does not die keeps its user id to itself.
      if (clean) freeUids.push(uid);
      else warn(failure('host-undead', `host ${host} was killed and its cgroup does not empty; see dmesg`));
      endings.delete(gone);
      return exit;
    });
    endings.add(gone);
    return success({ host, live: live.value, gone });
  }

  function open(): HostSession {
    const own = new Map<number, LiveHost>();
    let ended = false;

    function act(host: number, action: (live: LiveHost) => void): Result<true, LaunchFault> {
      const live = own.get(host);
      if (!live) return failure('host-unknown', `host ${host} is not one of this connection's`);
      action(live);
      return success(true);
    }

    return {
      async start() {
        if (ended) return failure('host-failed', 'the connection has ended');
        const launched = launch();
        if (!launched.ok) return launched;
        const { host, live, gone } = launched.value;
        own.set(host, live);
        void gone.then(() => own.delete(host));
        const report = await live.confined;
        if (!report.ok) {
          live.kill();
          await gone;
          return report;
        }
        return success({ started: { host, paths: live.paths, report: report.value }, gone });
      },
      opened: (host) => act(host, (live) => live.opened()),
      kill: (host) => act(host, (live) => live.kill()),
      end() {
        ended = true;
        for (const live of own.values()) live.kill();
      },
    };
  }

  return {
    open,
    async settled() {
      while (endings.size > 0) await Promise.all(endings);
    },
  };
}
