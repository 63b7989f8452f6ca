import type { Import, Source } from './source.ts';

/** A rule answers one line per violation, each with the file and what to do about it. */
export type Rule = (sources: readonly Source[]) => string[];

/**
 * Every module a plan passes on its way to the kernel port; together they are read in one sitting. The last row
 * carries plans of frames: a fifth of it, since all that follows their mappers is the way of any plan.
 */
const CORE = [
  ...['plan', 'limits', 'admit', 'resolve', 'validate', 'submit', 'reconcile', 'journal', 'main'],
  ...['create-executor', 'rounds', 'owners', 'order', 'pace', 'quota', 'probes', 'resolve-plan'],
  ...['resolve-frames', 'judge-mappers', 'follow-frames'],
];
const CORE_LINES_MAX = 2550;
const EXECUTOR_FILE_LINES_MAX = 300;
const EXECUTOR_PACKAGES = new Set(['koffi', 'msgpackr']);

/** What the runtime may know of the executor: its data, its client, its constructor in one process. */
const EXECUTOR_DATA = ['result', 'verdict', 'plan', 'executor', 'topology', 'client', 'create-executor'];
/** And how to ask the launcher for a host, since the framing is the executor's; and what a host's confinement is. */
const EXECUTOR_LAUNCHER = ['launch/client', 'confinement'];
/** And how a bounded log is written, so that there is one way of it, not two. */
const EXECUTOR_LOG = ['line-file'];
/** What a sensor may use besides, so that there is one reader of pagemap and one framing, not two. */
const EXECUTOR_READERS = /^executor\/(linux\/|procfs\/|wire\/|kernel\.)/;
const SENSOR = /^runtime\/telemetry\/sensor/;
/** And what the daemon's control socket uses, so that there is one framing and one rule for plain lines, not two. */
const EXECUTOR_WIRE = /^executor\/(wire\/|one-line\.)/;
const CONTROL = /^runtime\/control\//;
/** What a simulation links besides: the machine it steps, and the limits that machine's executor obeys. */
const EXECUTOR_SIMULATED = /^executor\/(kernel-simulated|parse-limits)/;
const SIMULATION = /^runtime\/simulate\//;

/** The policy host may read its inherited descriptors and answer on one; nothing else. */
const HOST = /^runtime\/policy\/host\//;
const HOST_FS_NAMES = new Set(['readSync', 'writeSync']);

export const executorStandsAlone = imports(
  ({ file }, { target }) => within(file, 'executor') && /^(runtime|policies)\//.test(target),
  'the executor imports neither runtime nor policies',
);

export const executorHasTwoDependencies = imports(
  ({ file }, { specifier }) =>
    within(file, 'executor') && isPackage(specifier) && !EXECUTOR_PACKAGES.has(specifier.split('/')[0] ?? ''),
  'the executor depends on koffi and msgpackr only',
);

export const foreignFunctionsStayInLinux = imports(
  ({ file }, { specifier }) =>
    specifier === 'koffi' && !within(file, 'executor/linux') && !within(file, 'test'),
  'koffi is imported in executor/linux only',
);

export const runtimeSeesExecutorData = imports(
  ({ file }, { target }) =>
    within(file, 'runtime') && within(target, 'executor') && !isOpenToRuntime(file, target),
  `of the executor the runtime imports ${EXECUTOR_DATA.join(', ')}`,
);

export const policiesAreNotImported = imports(
  (_, { target }) => within(target, 'policies'),
  'AssemblyScript is compiled, never imported by TypeScript',
);

/** Follows the values (types are erased), since the bundle takes in whatever they reach. */
export const hostReachesNothing: Rule = (sources) => {
  const byFile = new Map(sources.map((source) => [source.file, source]));
  const bundled = new Set(sources.map(({ file }) => file).filter((file) => HOST.test(file)));
  for (const file of bundled) {
    const values = byFile.get(file)?.imports.filter(({ isType }) => !isType) ?? [];
    for (const { target } of values) if (byFile.has(target)) bundled.add(target);
  }
  return imports(
    ({ file }, imported) =>
      bundled.has(file) && !imported.isType && !byFile.has(imported.target) && !isOpenToHost(imported),
    `the policy host, which bundles this file, may import ${[...HOST_FS_NAMES].join(' and ')} of node:fs and nothing else`,
  )(sources);
};

/** A type counts: whoever can name one holds, or soon wants, the value. */
export const engineStaysInHost: Rule = (sources) =>
  sources
    .filter(({ file }) => !HOST.test(file) && !within(file, 'test'))
    .filter(({ effects }) => effects.includes('WebAssembly'))
    .map(
      ({ file }) =>
        `${file}: names WebAssembly, but only the policy host shows V8 a policy's bytes; read them with runtime/policy/parse`,
    );

export const verbsStandAlone: Rule = (sources) => {
  const verbs = new Set(verbFiles(sources));
  return imports(
    ({ file }, { target }) => verbs.has(file) && verbs.has(target),
    'one verb never imports another; move what they share into a file of its own',
  )(sources);
};

export const executorStaysSmall: Rule = (sources) => {
  const core = sources.filter(({ file }) => CORE.some((name) => file === `executor/${name}.ts`));
  const lines = core.reduce((sum, source) => sum + source.lines, 0);
  const others = sources.filter(({ file }) => within(file, 'executor'));
  return [
    ...(lines > CORE_LINES_MAX ? [`executor: its core has ${lines} lines, ${CORE_LINES_MAX} allowed`] : []),
    ...others
      .filter((source) => source.lines > EXECUTOR_FILE_LINES_MAX)
      .map(
        (source) =>
          `${source.file}: ${source.lines} lines, ${EXECUTOR_FILE_LINES_MAX} allowed in the executor`,
      ),
  ];
};

export const importsRunOneWay: Rule = (sources) => {
  const edges = new Map(sources.map(({ file, imports: found }) => [file, found.map(({ target }) => target)]));
  const settled = new Set<string>();
  const findings: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) findings.push(`${[...trail.slice(at), file].join(' -> ')}: imports run in a circle`);
    if (at >= 0 || settled.has(file)) return;
    for (const target of edges.get(file) ?? []) visit(target, [...trail, file]);
    settled.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return findings;
};

function imports(isForbidden: (source: Source, imported: Import) => boolean, rule: string): Rule {
  return (sources) =>
    sources.flatMap((source) =>
      source.imports
        .filter((imported) => isForbidden(source, imported))
        .map(({ specifier }) => `${source.file}: imports ${specifier}, but ${rule}`),
    );
}

function isOpenToRuntime(file: string, target: string): boolean {
  if (
    [...EXECUTOR_DATA, ...EXECUTOR_LAUNCHER, ...EXECUTOR_LOG].some((name) => target === `executor/${name}.ts`)
  )
    return true;
  if (CONTROL.test(file)) return EXECUTOR_WIRE.test(target);
  if (SIMULATION.test(file)) return EXECUTOR_SIMULATED.test(target);
  return SENSOR.test(file) && EXECUTOR_READERS.test(target);
}

function isOpenToHost({ specifier, names }: Import): boolean {
  return specifier === 'node:fs' && names.every((name) => HOST_FS_NAMES.has(name));
}

/** The files that add a command to the program. */
export function verbFiles(sources: readonly Source[]): string[] {
  return sources
    .filter(({ file, text }) => within(file, 'runtime/cli') && /\.command\(/.test(text))
    .map(({ file }) => file);
}

function within(file: string, folder: string): boolean {
  return file.startsWith(`${folder}/`);
}

function isPackage(specifier: string): boolean {
  return !specifier.startsWith('.') && !specifier.startsWith('node:');
}
