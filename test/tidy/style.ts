import type { Rule } from './walls.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

/** Only these may print, read the environment and decide how a process ends. */
const MAIN =
  /(^|\/)(main|[a-z-]+-main|build-all)\.ts$|^executor\/(confine|launch)\.ts$|\/terrace\.js$|^\.ci\/|^test\//;
const EFFECT = /^(process\.(exit|exitCode|env|argv|stdout|stderr)|console\.\w+)$/;

/** Work left undone, and traces of one machine that mean nothing on another. */
const LEFTOVERS = [
  { pattern: new RegExp(`\\b(${'TO'}${'DO'}|${'FIX'}${'ME'})\\b`), name: 'a note of work left undone' },
  { pattern: /\/(work|home)\/\w+\//, name: "a path of somebody's machine" },
  { pattern: /\bregistry\.\w+\.\w+/, name: 'the address of a registry' },
  { pattern: /\bissues? #?\d+/i, name: 'the number of an issue' },
];

export const filesAreShort: Rule = (sources) =>
  sources
    .filter(({ lines }) => lines > FILE_LINES_MAX)
    .map(({ file, lines }) => `${file}: ${lines} lines, ${FILE_LINES_MAX} allowed`);

export const functionsAreShort: Rule = (sources) =>
  sources.flatMap(({ file, functions }) =>
    functions
      .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(
        ({ line, lines }) => `${file}:${line}: a function of ${lines} lines, ${FUNCTION_LINES_MAX} allowed`,
      ),
  );

export const onlyMainsActOnTheProcess: Rule = (sources) =>
  sources
    .filter(({ file }) => !MAIN.test(file))
    .flatMap(({ file, effects }) =>
      effects
        .filter((effect) => EFFECT.test(effect))
        .map((effect) => `${file}: uses ${effect}; take it as an argument`),
    );

export const nothingIsLeftOver: Rule = (sources) =>
  sources.flatMap(({ file, text }) =>
    LEFTOVERS.filter(({ pattern }) => pattern.test(text)).map(({ name }) => `${file}: contains ${name}`),
  );

export const namesAreKebabCase: Rule = (sources) =>
  sources
    .filter(({ file }) => !/^[a-z0-9./-]+$/.test(file))
    .map(({ file }) => `${file}: file names are kebab-case`);
